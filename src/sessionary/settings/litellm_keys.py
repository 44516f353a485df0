"""The names that LiteLLM documents and that mean nothing here, by section; `*` stands for a family of names.

Facts, no logic: gathered from the settings reference of its documentation, as of 2026-11.
"""


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SECTIONS = _names(
    """
    agent_list assistant_settings callback_settings files_settings finetune_settings guardrails mcp_servers
    mcp_tools policies policy_attachments prompts search_tools vector_store_registry
    """
)
"""Top-level keys."""

ENTRY = _names(
    """
    model_info rpm tpm
    """
)
"""Beside `litellm_params` in an entry of `model_list`."""

PARAMS = _names(
    """
    *_token_cost *_token_cost* *cost_per_* adaptive_router_* additional_drop_params
    allow_client_keepalive_override allowed_model_region allowed_openai_params arize_*
    assistant_continue_message audio auto_router_* aws_* azure_* base_model bedrock_tags bos_token
    budget_duration cache cache_control_injection_points caching caching_groups client_id client_secret
    client_side_timeout complexity_router_* configurable_clientside_auth_params context_window_fallback_dict
    cooldown_time custom_tokenizer dd_* default_api_key_rpm_limit default_api_key_tpm_limit default_headers
    deployment_id dimensions disable_add_transform_inline_image_block drop_params dynamic_api_key
    enable_json_schema_validation enable_prompt_caching encoding_format ensure_alternating_roles eos_token
    extra_body extra_headers extra_query fallbacks final_prompt_value force_timeout frequency_penalty
    function_call functions gcs_* guardrails headers hf_model_name humanloop_* id initial_prompt_value
    input_type itpm keepalive keepalive_seconds langfuse_* langsmith_* litellm_metadata litellm_session_id
    litellm_system_prompt litellm_trace_id logit_bias logprobs max_budget max_completion_tokens max_fallbacks
    max_file_size_mb max_output_tokens max_parallel_requests max_retries max_tokens
    merge_reasoning_content_in_choices metadata milvus_* mock_response mock_timeout modalities model_config
    model_info n no-log num_ctx num_retries order organization otpm output_vector_size parallel_tool_calls
    posthog_* prediction presence_penalty project project_id prompt_id prompt_label prompt_variables
    prompt_version provider_specific_header quality_router_* reasoning_effort region_name
    regional_endpoint_uplift_multiplier regional_processing_uplift_multiplier_* request_timeout response_format
    retry_policy retry_strategy roles routing_strategy rpm rules s3_* safety_settings search_tool_name seed
    service_tier ssl_verify stop store stream stream_options stream_timeout supports_system_message tag_regex
    tags temperature tenant_id thinking tiered_pricing tool_choice tools top_k top_logprobs top_p tpm ttl
    turn_off_message_logging use_chat_completions_api use_in_pass_through use_litellm_proxy use_xai_oauth user
    user_continue_message valkey_* vector_store_id verbosity vertex_* voice wandb_api_key watsonx_*
    weave_project_id web_search_options
    """
)
"""`litellm_params`."""

ROUTER = _names(
    """
    alerting_config allowed_fails_policy assistants_config cache_kwargs cache_responses caching_groups
    client_ttl content_policy_fallbacks context_window_fallbacks debug_level default_litellm_params
    default_max_parallel_requests default_priority deployment_affinity_ttl_seconds enable_health_check_routing
    enable_pre_call_check enable_pre_call_checks enable_tag_filtering enable_weighted_failover guardrail_list
    health_check_ignore_transient_errors health_check_interval health_check_staleness_threshold
    ignore_invalid_deployments max_fallbacks model_group_affinity_config model_group_retry_policy
    optional_pre_call_checks plugins polling_interval provider_budget_config redis_* retry_after retry_policy
    router_general_settings routing_groups routing_strategy routing_strategy_args search_tools set_verbose
    stream_timeout tag_filtering_match_any tag_routing_prefix
    """
)
"""`router_settings`."""

LITELLM = _names(
    """
    *_callback *_callback_params *_callback_params_v2 *_callbacks LITELLM_DISABLE_STOP_SEQUENCE_LIMIT
    add_function_to_prompt add_user_information_to_llm_headers ai21_key aiohttp_trust_env aleph_alpha_key
    allow_dynamic_callback_disabling amazon_nova_api_key anthropic_key anthropic_prompt_caching_ttl
    anthropic_sse_ping_interval_seconds api_base api_key api_version argilla_batch_size
    argilla_transformation_object autorouter_savings_baseline_model azure_key banned_keywords_list baseten_key
    bedrock_request_metadata_fields block_requests_for_models_without_pricing blocked_user_list budget_duration
    budget_exceeded_throttle_percentage bytez_key cache cache_params callback_settings callbacks
    check_provider_endpoint clarifai_key cloudflare_api_key cohere_key cold_storage_custom_logger cometapi_key
    content_policy_fallbacks context_window_fallbacks cost_discount_config cost_margin_config credential_list
    custom_prometheus_metadata_labels custom_prometheus_tags custom_prompt_dict custom_provider_map database_url
    databricks_key datadog_* datarobot_key default_in_memory_ttl default_internal_user_params
    default_key_generate_params default_key_max_budget_alert_emails default_max_internal_user_budget
    default_redis_batch_cache_expiry default_redis_ttl default_soft_budget default_team_params
    default_team_settings disable_* drop_params dynamodb_table_name email enable_* expose_router_debug_in_errors
    extra_spend_tag_headers filter_invalid_headers force_ipv4 forward_traceparent_to_llm_provider
    gcs_pub_sub_use_v1 gdc_key generic_api_use_v1 generic_logger_headers gigachat_key global_bitbucket_config
    global_disable_no_log_param global_gitlab_config google_moderation_confidence_threshold gradient_ai_api_key
    groq_key guardrail_name_config_map guardrails headers heroku_key huggingface_key inception_key
    include_cost_in_streaming_usage infinity_key internal_user_budget_duration json_logs key_generation_settings
    known_tokenizer_config langfuse_default_tags langfuse_enable_update_trace_keys langsmith_batch_size
    lemonade_key llama_api_key llamaguard_model_name llamaguard_unsafe_content_categories llm_guard_mode
    log_level log_raw_request_response logged_real_time_event_types logging longer_context_model_fallback_dict
    maritalk_key max_budget max_end_user_budget max_end_user_budget_id max_fallbacks max_internal_user_budget
    max_parallel_requests max_tokens max_ui_session_budget max_user_budget mcp_aliases model_alias_map
    model_cost model_cost_map_url model_fallbacks model_group_settings modify_params nebius_key network_mock
    newrelic_* nlp_cloud_key novita_api_key num_retries_per_request ollama_key openai_key openai_like_key
    openai_moderations_model_name openrouter_key organization output_parse_pii overwrite_user_with_key_hash
    ovhcloud_key post_call_rules pre_call_rules predibase_key predibase_tenant_id presidio_*
    priority_reservation project prometheus_* prompt_name_config_map provider_url_destination_allowed_hosts
    proxy_auth public_agent_groups public_mcp_hub_strict_whitelist public_mcp_servers public_model_groups
    public_model_groups_links reasoning_auto_summary redact_messages_in_exceptions redact_user_api_key_info
    replicate_key request_correlation_in_logs require_auth_for_metrics_endpoint require_managed_files retry
    return_response_headers route_all_chat_openai_to_responses router_settings safe_memory_mode sap_service_key
    secret_manager_client set_verbose skip_system_message_in_guardrail skip_tool_message_in_guardrail
    snowflake_key sse_keepalive_ping_interval_seconds ssl_certificate ssl_ecdh_curve ssl_security_level
    ssl_verify standard_logging_payload_excluded_fields store_audit_logs strip_anthropic_total_tokens
    suppress_debug_info tag_budget_config telemetry togetherai_api_key token turn_off_message_logging
    upperbound_key_generate_params use_aiohttp_transport use_chat_completions_url_for_anthropic_messages
    use_client use_legacy_interactions_schema use_litellm_proxy user_url_allowed_hosts user_url_validation
    validate_end_user_id_in_db vector_store_index_registry vector_store_registry vercel_ai_gateway_key
    vertex_ai_safety_settings vertex_location vertex_project wandb_key xai_key
    """
)
"""`litellm_settings`."""

GENERAL = _names(
    """
    admin_only_routes alert_to_webhook_url alert_types alerting alerting_args alerting_threshold
    allow_cli_sso_verification_uri_complete allow_client_side_credentials allow_requests_on_db_unavailable
    allow_user_auth allowed_ips allowed_routes always_include_stream_usage apply_user_budget_to_team_keys
    background_health_checks block_robots cancel_on_disconnect completion_model control_plane_url
    coordination_redis custom_auth custom_key_generate custom_sso custom_ui_sso_sign_in_handler database_*
    default_team_disabled disable_* embedding_model enable_* enforce_user_param enforced_params
    forward_client_headers_to_llm_api forward_llm_provider_auth_headers forward_openai_org_id
    global_max_parallel_requests health_check_concurrency health_check_details health_check_interval
    health_check_skip_disabled_background_models image_generation_model infer_model_from_keys
    key_management_settings key_management_system litellm_jwtauth litellm_key_header_name litellm_license
    max_batch_file_size_mb max_parallel_requests max_request_size_mb max_response_size_mb
    maximum_autorouter_session_retention_period maximum_health_check_retention_period maximum_spend_logs_* mcp_*
    moderation_model oauth2_config_mappings otel pass_through_endpoints pass_through_request_timeout plugins
    provider_url_destination_allowed_hosts proxy_batch_polling_interval proxy_batch_write_at
    proxy_budget_rescheduler_max_time proxy_budget_rescheduler_min_time proxy_config
    proxy_config_reload_interval_seconds public_routes reject_clientside_metadata_tags role_permissions
    scheduled_job_stagger search_tools service_account_settings slack_alerting_args spend_report_frequency
    store_audit_logs store_model_in_db store_prompts_in_spend_logs supported_db_objects trusted_proxy_ranges
    ui_access_mode use_azure_key_vault use_client_credentials_pass_through_routes use_google_kms
    use_redis_transaction_buffer use_spend_logs_partitioning use_x_forwarded_for user_api_key_cache_ttl
    user_header_mappings user_header_name user_mcp_management_mode user_url_allowed_hosts user_url_validation
    """
)
"""`general_settings`."""

PROVIDERS = _names(
    """
    a2a a2a_agent ai21 ai21_chat aiml aiohttp_openai amazon_nova anthropic_text apertis assemblyai auto_router
    aws_polly azure_text baseten bedrock bedrock_mantle black_forest_labs bytez charity_engine chatgpt chutes
    clarifai cloudflare codestral cognition cohere cohere_chat cometapi compactifai cursor custom darkbloom
    dashscope databricks datarobot deepgram deepinfra docker_model_runner dotprompt elevenlabs empower fal_ai
    featherless_ai friendliai galadriel gdc gigachat github github_copilot gradient_ai helicone heroku
    huggingface humanloop hyperbolic inception infinity jina_ai lambda_ai langflow langfuse langgraph lemonade
    libertai litellm_agent manus maritalk meta meta_llama milvus minimax modelscope moonshot morph nano-gpt
    nebius neosantara nlp_cloud novita nscale nvidia_riva oci oobabooga ovhcloud parasail perplexity petals
    pg_vector pinstripes poe predibase publicai ragflow recraft reducto replicate runwayml s3_vectors sagemaker
    sagemaker_chat sagemaker_nova sambanova sap scaleway scx-ai snowflake soniox stability synthetic tencent
    tensormesh text-completion-codestral text-completion-inception topaz triton v0 valkey vercel_ai_gateway
    vertex_ai vertex_ai_beta volcengine voyage wandb watsonx watsonx_text xiaomi_mimo xinference zai
    """
)
"""Providers of LiteLLM that the catalogue has no row for."""
