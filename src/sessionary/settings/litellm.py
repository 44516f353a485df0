"""A LiteLLM `config.yaml`, read as it is.

What means something here is taken; what LiteLLM documents and means nothing here is accepted and named at
start-up (`Settings.ignored`); what neither knows is an error that names the key and the line.
"""

from collections.abc import Mapping
from typing import Any

from sessionary.settings.document import Node
from sessionary.settings.tree import Deployment, Model, Price

_SECTIONS = (
    "model_list", "router_settings", "litellm_settings", "general_settings", "environment_variables",
)
_OTHER_SECTIONS = (
    "guardrails", "mcp_servers", "mcp_tools", "vector_store_registry", "search_tools", "credential_list", "callback_settings",
    "files_settings", "finetune_settings", "include", "assistant_settings", "prompts", "agent_list", "policies",
    "policy_attachments",
)
_PARAMS = (
    "model", "api_base", "base_url", "api_key", "api_version", "weight", "timeout",
    "input_cost_per_token", "output_cost_per_token", "cache_read_input_token_cost",
    "cache_creation_input_token_cost", "output_cost_per_reasoning_token",
)
_OTHER_PARAMS = (
    "rpm", "tpm", "max_retries", "stream_timeout", "order", "tags", "custom_llm_provider", "organization", "region_name",
    "drop_params", "additional_drop_params", "max_tokens", "max_completion_tokens", "temperature", "top_p", "seed",
    "stop", "n", "presence_penalty", "frequency_penalty", "stream", "user", "extra_headers", "extra_body", "headers",
    "metadata", "tools", "tool_choice", "response_format", "reasoning_effort", "thinking", "max_budget",
    "budget_duration", "max_parallel_requests", "mock_response", "mock_timeout", "configurable_clientside_auth_params",
    "litellm_credential_name", "merge_reasoning_content_in_choices", "use_in_pass_through", "use_litellm_proxy",
    "input_cost_per_second", "output_cost_per_second", "input_cost_per_audio_token", "output_cost_per_audio_token",
    "input_cost_per_pixel", "output_cost_per_pixel", "aws_access_key_id", "aws_secret_access_key", "aws_session_token",
    "aws_region_name", "aws_session_name", "aws_profile_name", "aws_role_name", "aws_web_identity_token",
    "aws_bedrock_runtime_endpoint", "vertex_project", "vertex_location", "vertex_credentials", "azure_ad_token",
    "azure_username", "azure_password", "tenant_id", "client_id", "client_secret", "watsonx_region_name", "project_id",
    "custom_tokenizer", "cooldown_time", "num_retries", "ssl_verify", "keepalive", "caching_groups", "rules",
    "cache_control_injection_points", "dynamic_api_key", "litellm_trace_id", "guardrails", "allowed_openai_params",
    "hf_model_name", "dimensions", "encoding_format", "input_type", "voice", "auto_router_config_path",
    "auto_router_default_model", "auto_router_embedding_model",
)
_ROUTER = ("num_retries", "timeout", "fallbacks", "allowed_fails", "cooldown_time")
_OTHER_ROUTER = (
    "routing_strategy", "routing_strategy_args", "redis_host", "redis_password", "redis_port", "redis_url", "redis_ssl",
    "redis_db", "redis_username", "cache_responses", "cache_kwargs", "caching_groups", "enable_pre_call_checks",
    "content_policy_fallbacks", "context_window_fallbacks", "default_fallbacks", "max_fallbacks", "model_group_alias",
    "model_group_retry_policy", "retry_policy", "retry_after", "allowed_fails_policy", "disable_cooldowns",
    "default_litellm_params", "default_max_parallel_requests", "default_priority", "polling_interval",
    "provider_budget_config", "set_verbose", "debug_level", "stream_timeout", "alerting_config", "client_ttl",
    "enable_tag_filtering", "tag_filtering_match_any", "optional_pre_call_checks", "search_tools", "guardrail_list",
    "ignore_invalid_deployments", "assistants_config", "router_general_settings", "health_check_interval",
    "enable_weighted_failover", "deployment_affinity_ttl_seconds", "model_list",
)
_LITELLM = ("num_retries", "request_timeout", "fallbacks", "allowed_fails", "cooldown_time")
_OTHER_LITELLM = (
    "success_callback", "failure_callback", "callbacks", "service_callbacks", "audit_log_callbacks", "turn_off_message_logging",
    "redact_user_api_key_info", "langfuse_default_tags", "set_verbose", "json_logs", "telemetry", "drop_params", "cache",
    "cache_params", "default_fallbacks", "content_policy_fallbacks", "context_window_fallbacks", "force_ipv4",
    "modify_params", "max_budget", "budget_duration", "max_internal_user_budget", "internal_user_budget_duration",
    "max_end_user_budget", "max_end_user_budget_id", "upperbound_key_generate_params", "key_generation_settings",
    "default_key_generate_params", "default_team_settings", "default_internal_user_params", "default_team_params",
    "enable_json_schema_validation", "model_group_settings", "public_model_groups", "public_model_groups_links",
    "disable_end_user_cost_tracking", "disable_end_user_cost_tracking_prometheus_only", "enable_preview_features",
    "forward_traceparent_to_llm_provider", "return_response_headers", "ssl_verify", "ssl_certificate", "guardrails",
    "disable_add_prefix_to_prompt", "disable_copilot_system_to_assistant", "disable_token_counter",
    "enable_azure_ad_token_refresh", "disable_hf_tokenizer_download", "default_redis_batch_cache_expiry",
    "prometheus_initialize_budget_metrics", "prometheus_metrics_config", "custom_prometheus_metadata_labels",
    "custom_prometheus_tags", "require_auth_for_metrics_endpoint", "s3_callback_params", "s3_callback_params_v2",
    "gcs_pub_sub_use_v1", "langsmith_batch_size", "credential_list", "tag_budget_config", "model_alias_map",
    "use_chat_completions_url_for_anthropic_messages", "suppress_debug_info", "add_function_to_prompt", "mcp_aliases",
    "user_url_validation", "store_audit_logs", "extra_spend_tag_headers", "router_settings", "custom_provider_map",
    "database_url",
)
_GENERAL = ("master_key", "database_url")
_OTHER_GENERAL = (
    "completion_model", "disable_spend_logs", "disable_spend_updates", "disable_master_key_return",
    "disable_retry_on_max_parallel_request_limit_error", "disable_reset_budget", "disable_adding_master_key_hash_to_db",
    "enable_jwt_auth", "litellm_jwtauth", "enforce_user_param", "allowed_routes", "key_management_system",
    "key_management_settings", "database_connection_pool_limit", "database_connection_timeout",
    "allow_requests_on_db_unavailable", "custom_auth", "max_parallel_requests", "global_max_parallel_requests",
    "infer_model_from_keys", "background_health_checks", "health_check_interval", "health_check_details", "alerting",
    "alerting_threshold", "alert_types", "alert_to_webhook_url", "alerting_args", "slack_alerting_args", "spend_report_frequency",
    "use_client_credentials_pass_through_routes", "store_model_in_db", "store_prompts_in_spend_logs", "allow_client_side_credentials",
    "admin_only_routes", "public_routes", "max_request_size_mb", "max_response_size_mb", "proxy_budget_rescheduler_min_time",
    "proxy_budget_rescheduler_max_time", "proxy_batch_write_at", "proxy_batch_polling_interval", "custom_key_generate",
    "allowed_ips", "use_x_forwarded_for", "service_account_settings", "image_generation_model", "maximum_spend_logs_retention_period",
    "maximum_spend_logs_retention_interval", "pass_through_endpoints", "enable_oauth2_auth", "forward_openai_org_id",
    "forward_client_headers_to_llm_api", "forward_llm_provider_auth_headers", "user_header_name", "user_header_mappings",
    "ui_access_mode", "use_redis_transaction_buffer", "enable_oauth2_proxy_auth", "oauth2_config_mappings",
    "block_robots", "proxy_config", "database_type", "database_args", "otel", "custom_sso", "custom_ui_sso_sign_in_handler",
    "coordination_redis", "role_permissions", "user_api_key_cache_ttl", "maximum_spend_logs_cleanup_cron",
    "always_include_stream_usage", "reject_clientside_metadata_tags", "disable_prisma_schema_update", "allow_user_auth",
    "supported_db_objects", "store_audit_logs", "mcp_internal_ip_ranges", "search_tools", "health_check_concurrency",
)


def settings(root: Node, environ: Mapping[str, str]) -> dict[str, Any]:
    """The values of `Settings` that the file gives."""
    sections = root.known_fields([*_SECTIONS, *_OTHER_SECTIONS])
    ignored = [f"'{name}' means nothing here" for name in sections if name in _OTHER_SECTIONS]
    environ = {**environ, **_variables(sections.get("environment_variables"), environ)}
    values: dict[str, Any] = {}
    general = _section(sections, "general_settings", _GENERAL, _OTHER_GENERAL, ignored)
    if "master_key" in general:
        values["master_key"] = general["master_key"].secret(environ)
    if "database_url" in general:
        values["database"] = general["database_url"].secret(environ)
    fallbacks: dict[str, list[str]] = {}
    for name, known, other, timeout in (
        ("litellm_settings", _LITELLM, _OTHER_LITELLM, "request_timeout"),
        ("router_settings", _ROUTER, _OTHER_ROUTER, "timeout"),
    ):
        section = _section(sections, name, known, other, ignored)
        if "num_retries" in section:
            values["retries"] = section["num_retries"].whole()
        if timeout in section:
            values["timeout"] = section[timeout].number()
        if "allowed_fails" in section:
            values["allowed_failures"] = max(1, section["allowed_fails"].whole())
        if "cooldown_time" in section:
            values["cooldown"] = section["cooldown_time"].number()
        if "fallbacks" in section:
            fallbacks |= _fallbacks(section["fallbacks"])
    by_name: dict[str, list[Deployment]] = {}
    for item in sections["model_list"].items():
        name, deployment = _entry(item, environ, ignored)
        by_name.setdefault(name, []).append(deployment)
    values["models"] = [Model(name, found, fallbacks.get(name, [])) for name, found in by_name.items()]
    values["ignored"] = sorted(set(ignored))
    return values


def _section(
    sections: Mapping[str, Node], name: str, known: tuple[str, ...], other: tuple[str, ...], ignored: list[str]
) -> dict[str, Node]:
    if name not in sections:
        return {}
    fields = sections[name].known_fields([*known, *other])
    ignored += [f"'{name}.{key}' means nothing here" for key in fields if key in other]
    return {key: node for key, node in fields.items() if key in known}


def _variables(node: Node | None, environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value.secret(environ) for name, value in node.fields().items()} if node else {}


def _fallbacks(node: Node) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for item in node.items():
        for name, targets in item.fields().items():
            found[name] = [target.text() for target in targets.items()]
    return found


def _entry(node: Node, environ: Mapping[str, str], ignored: list[str]) -> tuple[str, Deployment]:
    fields = node.known_fields(["model_name", "litellm_params", "model_info", "tpm", "rpm"])
    for required in ("model_name", "litellm_params"):
        if required not in fields:
            raise node.fail(f"'{node.path}' needs {required}")
    params = fields["litellm_params"].known_fields([*_PARAMS, *_OTHER_PARAMS])
    ignored += [f"'litellm_params.{key}' means nothing here" for key in params if key in _OTHER_PARAMS]
    if "model" not in params:
        raise fields["litellm_params"].fail(f"'{node.path}.litellm_params' needs a model")
    base = params.get("api_base") or params.get("base_url")
    model = params["model"].text()
    prefix, slash, rest = model.partition("/")
    provider, name = (prefix, rest) if slash and rest else ("openai" if base is None else "openai-compatible", model)
    deployment = Deployment(
        provider=provider,
        model=name,
        base_url=base.secret(environ) if base else None,
        api_key=params["api_key"].secret(environ) if "api_key" in params else None,
        api_version=params["api_version"].secret(environ) if "api_version" in params else None,
        weight=params["weight"].number() if "weight" in params else 1.0,
        timeout=params["timeout"].number() if "timeout" in params else None,
        price=_price(params),
    )
    return fields["model_name"].text(), deployment


def _price(params: Mapping[str, Node]) -> Price | None:
    """LiteLLM's prices are per token, ours per million."""
    if not {"input_cost_per_token", "output_cost_per_token"} <= params.keys():
        return None

    def of(name: str) -> float | None:
        return params[name].number() * 1e6 if name in params else None

    return Price(
        input=params["input_cost_per_token"].number() * 1e6,
        output=params["output_cost_per_token"].number() * 1e6,
        cached=of("cache_read_input_token_cost"),
        cache_write=of("cache_creation_input_token_cost"),
        reasoning=of("output_cost_per_reasoning_token"),
    )
