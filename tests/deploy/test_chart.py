"""deploy/helm/sessionary, as Helm renders it, against Kubernetes' schemas and what the gateway knows."""

import re
from pathlib import Path
from typing import Any

import helm_python as helm
import kubernetes_validate
import pytest
import yaml

from sessionary import __version__
from sessionary.doctor import configured
from sessionary.settings.load import load

CHART = Path(__file__).parent.parent.parent / "deploy" / "helm" / "sessionary"
KEY = {"masterKey": "0123456789abcdef"}
POSTGRES = {"database": {"url": "postgresql://me:secret@host/sessionary"}}
EVERYTHING = {
    **KEY,
    **POSTGRES,
    "replicas": 3,
    "config": {"grace": 12.5, "models": [{"name": "fast", "model": "openai/gpt-4o-mini"}]},
    "environment": {"OPENAI_API_KEY": "sk-1"},
    "imagePullSecrets": [{"name": "registry"}],
    "persistence": {"storageClassName": "fast"},
    "service": {"annotations": {"a": "b"}},
    "ingress": {"enabled": True, "host": "llm.example.org", "tlsSecret": "tls"},
    "serviceMonitor": {"enabled": True, "secret": "scrape", "labels": {"release": "prometheus"}},
    "podAnnotations": {"a": "b"},
    "podLabels": {"team": "ml"},
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}},
}
Values = dict[str, Any]


def rendered(values: Values) -> list[Values]:
    with helm.Chart.load(CHART) as chart:
        chart.validate_schema(chart.merge_values(values))
        files = chart.render(values, name="release", namespace="here")
    texts = [text for name, text in sorted(files.items()) if name.endswith(".yaml")]
    return [each for text in texts for each in yaml.safe_load_all(text) if each]


def one(values: Values, kind: str) -> Values:
    """The first of its kind."""
    return next(each for each in rendered(values) if each["kind"] == kind)


def pod(values: Values) -> Values:
    spec: Values = one(values, "StatefulSet")["spec"]["template"]["spec"]
    return spec


def test_helm_has_no_complaint() -> None:
    report = helm.lint(CHART, KEY, strict=True)
    assert report["errors"] == []
    assert [each["error"] for each in report["messages"]] == ["icon is recommended"]


@pytest.mark.parametrize("values", [KEY, {"existingSecret": "mine"}, EVERYTHING], ids=["least", "secret", "everything"])
@pytest.mark.parametrize("version", ["1.25", "1.37"])
def test_kubernetes_takes_it(values: Values, version: str) -> None:
    found = rendered(values)
    for each in found:
        if each["kind"] != "ServiceMonitor":  # the Prometheus operator's, which Kubernetes' own schemas do not have
            kubernetes_validate.validate(each, version, strict=True)
    assert {each["kind"] for each in found} >= {"StatefulSet", "Service", "ConfigMap"}


def test_templates_use_each_value_and_no_other() -> None:
    """Helm renders nothing for a value that there is not, and says nothing of one that no template uses."""
    text = "".join(path.read_text() for path in (CHART / "templates").iterdir())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    used = {tuple(path.split(".")) for path in re.findall(r"\.Values\.([\w.]+)", text)}
    assert {path[0] for path in used} == values.keys()
    for path in used:
        found = values
        for name in path:
            assert name in found, path
            found = found[name]


@pytest.mark.parametrize(
    "wrong",
    [
        {"replica": 2},
        {"masterKey": "short"},
        {"config": {"port": 80}},
        {"config": {"data_dir": "/elsewhere"}},
        {"database": {"url": "mysql://host/db"}},
        {"ingress": {"enabled": "yes"}},
    ],
    ids=str,
)
def test_a_value_that_cannot_be_is_refused(wrong: Values) -> None:
    with helm.Chart.load(CHART) as chart, pytest.raises(helm.HelmError, match=next(iter(wrong))):
        chart.render({**KEY, **wrong}, name="release")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "masterKey"),
        ({**KEY, "replicas": 2}, "one database"),
        ({**KEY, "ingress": {"enabled": True}}, "ingress.host"),
        ({**KEY, "serviceMonitor": {"enabled": True}}, "serviceMonitor.secret"),
    ],
    ids=["no key", "no database", "no host", "no key for metrics"],
)
def test_what_is_missing_is_named(values: Values, told: str) -> None:
    with pytest.raises(helm.HelmError, match=told):
        rendered(values)


@pytest.mark.parametrize("values", [KEY, EVERYTHING], ids=["least", "everything"])
def test_the_gateway_takes_its_configuration(values: Values, tmp_path: Path) -> None:
    (container,) = pod(values)["containers"]
    environ = {each["name"]: each["value"] for each in container["env"]} | one(values, "Secret")["stringData"]
    assert list(configured.variables(environ)) == []
    file = tmp_path / "config.yaml"
    file.write_text(one(values, "ConfigMap")["data"]["config.yaml"])
    (mount,) = (each for each in container["volumeMounts"] if each["name"] == "config")
    assert environ["SESSIONARY_CONFIG"] == f"{mount['mountPath']}/{file.name}"
    settings = load(file, environ)
    assert (settings.host, settings.port) == ("0.0.0.0", container["ports"][0]["containerPort"])
    assert str(settings.data_dir) in [each["mountPath"] for each in container["volumeMounts"]]
    assert settings.database == values.get("database", {}).get("url")
    assert settings.memory * 3 < 1536 * 2**20


@pytest.mark.parametrize(("grace", "leaves", "patience"), [(25, 5, 50), (12.5, 0, 33), (600, 10, 630)])
def test_a_gateway_has_the_time_that_it_needs_to_end(grace: float, leaves: int, patience: int) -> None:
    spec = pod({**KEY, "config": {"grace": grace}, "leaveSeconds": leaves})
    assert spec["terminationGracePeriodSeconds"] == patience
    assert spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", str(leaves)]


def test_nothing_may_do_more_than_it_must() -> None:
    spec = pod(KEY)
    assert spec["securityContext"]["runAsNonRoot"]
    assert not spec["automountServiceAccountToken"]
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_a_service_of_its_name_sets_no_variable() -> None:
    """Kubernetes would set SESSIONARY_PORT to tcp://..., where the release is named sessionary."""
    assert pod(KEY)["enableServiceLinks"] is False


def test_a_changed_secret_or_configuration_starts_the_gateways_anew() -> None:
    def marks(values: Values) -> set[tuple[str, str]]:
        return set(one(values, "StatefulSet")["spec"]["template"]["metadata"]["annotations"].items())

    assert len(marks(KEY) ^ marks({"masterKey": "fedcba9876543210"})) == 2
    assert len(marks(KEY) ^ marks({**KEY, "config": {"retries": 2}})) == 2


def test_a_database_url_may_be_in_a_secret_of_others() -> None:
    values = {**KEY, "replicas": 2, "database": {"existingSecret": "pg-app"}}
    (database,) = (each for each in pod(values)["containers"][0]["env"] if each["name"] == "SESSIONARY_DATABASE")
    assert database["valueFrom"]["secretKeyRef"] == {"name": "pg-app", "key": "uri"}
    assert "SESSIONARY_DATABASE" not in one(values, "Secret")["stringData"]


def test_an_existing_secret_is_the_only_one() -> None:
    values = {"existingSecret": "mine"}
    assert not [each for each in rendered(values) if each["kind"] == "Secret"]
    assert pod(values)["containers"][0]["envFrom"] == [{"secretRef": {"name": "mine"}}]


def test_each_gateway_is_scraped_once() -> None:
    found = rendered(EVERYTHING)
    (monitor,) = (each for each in found if each["kind"] == "ServiceMonitor")
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    fit = [e for e in found if e["kind"] == "Service" and wanted <= e["metadata"]["labels"].items()]
    assert [each["spec"]["clusterIP"] for each in fit] == ["None"]


def test_the_version_is_the_packages() -> None:
    with helm.Chart.load(CHART) as chart:
        assert chart.metadata["appVersion"] == __version__
        (container,) = pod(KEY)["containers"]
        assert container["image"] == f"sessionary:{__version__}"
