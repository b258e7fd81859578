"""Catalogs as they are: what openstacksdk makes work is asked, what it does not is one's error."""

import pytest

from tests.collector.lab import Lab
from tests.double import Double
from tests.double.web import Endpoint
from tests.edge import Garbage


def change(double: Double, kind: str, suffix: str, url: str | None = None) -> None:
    """Have the endpoints of a service end in ``suffix``, or be ``url``."""
    catalog = double.site.catalog
    for number, endpoint in enumerate(catalog):
        if endpoint.type == kind:
            root = "/".join(endpoint.url.split("/")[:4])
            catalog[number] = endpoint._replace(url=root + suffix if url is None else url)


PROJECT = "/%(project_id)s"


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [
        ("identity", ""),
        ("identity", "/"),
        ("identity", "/v2.0"),
        ("compute", ""),
        ("compute", "/"),
        ("compute", "/v2"),
        ("compute", f"/v2{PROJECT}"),
        ("compute", f"/v2.1{PROJECT}"),
        ("block-storage", ""),
        ("block-storage", "/v3"),
        ("block-storage", f"/v2{PROJECT}"),
        ("block-storage", f"/v1{PROJECT}"),
        ("placement", "/"),
    ],
)
def test_endpoints_of_any_version_lead_to_ours(
    lab: Lab, alpha: Double, kind: str, suffix: str
) -> None:
    change(alpha, kind, suffix)
    assert lab.cycle() == []


@pytest.mark.parametrize(
    ("key", "suffix"),
    [
        *(("compute", suffix) for suffix in ("", "/", "/v2", "/v2/7bb0e66d", "/v2.1/")),
        *(("volume", suffix) for suffix in ("", "/v2/7bb0e66d", "/v3/7bb0e66d")),
        *(("block_storage", suffix) for suffix in ("", "/v3")),
        *(("identity", suffix) for suffix in ("", "/v2.0")),
        ("placement", "/"),
    ],
)
def test_endpoints_of_clouds_yaml_may_have_any_version(
    lab: Lab, alpha: Double, key: str, suffix: str
) -> None:
    kind = {"volume": "block-storage", "block_storage": "block-storage"}.get(key, key)
    (endpoint,) = [each for each in alpha.site.catalog if each.type == kind]
    root = "/".join(endpoint.url.split("/")[:4])
    lab.clouds["alpha"][f"{key}_endpoint_override"] = root + suffix
    change(alpha, kind, "", "http://127.0.0.1:9/nobody")
    assert lab.cycle() == []


@pytest.mark.parametrize(
    "names", [["volumev3"], ["volumev2", "volumev3"], ["volumev2"], ["volume"], ["block-store"]]
)
def test_block_storage_has_had_many_names(lab: Lab, alpha: Double, names: list[str]) -> None:
    (endpoint,) = [each for each in alpha.site.catalog if each.type == "block-storage"]
    alpha.site.catalog.remove(endpoint)
    alpha.site.catalog += [endpoint._replace(type=name) for name in names]
    assert lab.cycle() == []


@pytest.mark.parametrize(
    ("keys", "odd"),
    [
        ({"interface": "admin"}, set()),
        ({"interface": ["internal", "public"]}, set()),
        ({"endpoint_type": "publicURL"}, set()),
        ({"compute_default_microversion": "2.53"}, set()),
        ({"block_storage_service_type": "block-storage"}, set()),
        ({"volume_api_version": "3"}, set()),
        ({"block_storage_api_version": "3"}, set()),
        ({"identity_api_version": "3"}, set()),
        ({"compute_api_version": "2.1"}, set()),
        ({"placement_api_version": "1"}, set()),
        ({"compute_service_name": "nobody"}, {"compute"}),
        ({"compute_region_name": "nowhere"}, {"compute"}),
    ],
    ids=str,
)
def test_other_keys_of_an_entry_mean_what_openstacksdk_means(
    lab: Lab, alpha: Double, keys: dict[str, object], odd: set[str]
) -> None:
    lab.clouds["alpha"] |= keys
    said = "alpha: which versions of {} there are: not in the catalog of its region"
    assert set(lab.cycle()) == {said.format(service) for service in odd}


def test_an_entry_that_makes_no_session_is_said_to_be_wrong(lab: Lab, alpha: Double) -> None:
    lab.clouds["alpha"]["api_timeout"] = "soon"
    said = "alpha: its entry in clouds.yaml cannot be used: could not convert string to float"
    errors = lab.cycle()
    assert errors
    assert all(error.startswith(said) for error in errors)


DOCUMENTS = {
    "none": (b"{}", "does not list its microversions: it is down, or its endpoint is wrong"),
    "a page": (b"<html>", "does not list its microversions: it is down, or its endpoint is wrong"),
    "a list": (b"[]", "does not list its microversions: it is down, or its endpoint is wrong"),
    "null": (b'{"version": null, "versions": null}', "unreadable answer"),
    "no number": (
        b'{"version": {"id": "v2.1", "status": "CURRENT", "version": "2.x", "min_version": "y", '
        b'"links": [{"rel": "self", "href": "http://["}]}}',
        "unreadable answer",
    ),
}


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_an_odd_document_of_versions_is_the_error_of_its_service(
    lab: Lab, alpha: Double, kind: str
) -> None:
    document, said = DOCUMENTS[kind]
    with lab.edge.during(r"GET \S*/compute(/v2.1)?/?$", Garbage(document)):
        errors = lab.cycle()
    assert errors
    assert all("compute" in error and said in error for error in errors)
    assert lab.outcome("volumes").error is None
    assert lab.cycle() == []


def test_a_password_in_an_endpoint_is_not_shown(lab: Lab, alpha: Double) -> None:
    change(alpha, "compute", "", "http://me:topsecret@127.0.0.1:9/")
    errors = lab.cycle()
    assert errors
    assert all("//me:***@127.0.0.1:9/" in error for error in errors)
    assert "topsecret" not in str(errors)


def test_keystone_may_be_in_another_region_only(lab: Lab, alpha: Double) -> None:
    alpha.site.catalog[:] = [
        endpoint._replace(region="global") if endpoint.type == "identity" else endpoint
        for endpoint in alpha.site.catalog
    ]
    assert lab.cycle() == []


def test_without_a_region_name_the_only_region_is_asked(lab: Lab, alpha: Double) -> None:
    del lab.clouds["alpha"]["region_name"]
    assert lab.cycle() == []


def test_without_a_region_name_several_regions_are_an_error_that_names_them(
    lab: Lab, alpha: Double
) -> None:
    del lab.clouds["alpha"]["region_name"]
    url = f"{alpha.url}/compute/v2.1"
    alpha.site.catalog.append(Endpoint("compute", "nova", "RegionTwo", url))
    errors = lab.cycle()
    assert errors
    assert all("regions: [RegionOne, RegionTwo] for a cloud each" in error for error in errors)


def test_a_region_that_the_catalog_lacks_is_an_error_that_names_those_it_has(
    lab: Lab, alpha: Double
) -> None:
    lab.clouds["alpha"]["region_name"] = "regionone"
    errors = set(lab.cycle())
    assert errors == {
        "alpha: its services are not in the catalog of its region regionone; there are RegionOne: "
        "correct region_name"
    }


@pytest.mark.parametrize("url", ["nonsense", "http://", "http://[::1", "", "http:///compute"])
@pytest.mark.parametrize("kind", ["identity", "compute", "block-storage", "placement"])
def test_a_malformed_url_is_the_error_of_its_service(
    lab: Lab, alpha: Double, kind: str, url: str
) -> None:
    change(alpha, kind, "", url)
    errors = lab.cycle()
    assert all(f"alpha: {kind}: its endpoint {url!r} is no" in error for error in errors)
    assert bool(errors) is (kind != "identity")
    assert lab.outcome("discovery").error is None
