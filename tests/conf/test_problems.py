"""What is wrong in a configuration although every option that is read has a value."""

from pathlib import Path

import pytest

from openstats import conf
from openstats.conf.problems import problems, warnings

ROOT = Path(__file__).parents[2]

HASH = "0" * 64

WRONG = {
    "an option misspelt": (
        "[api]\nprot = 8780\n",
        "[api] prot: unknown option; did you mean port?",
    ),
    "an option of another group": ("[api]\nlease = 60\n", "[api] lease: unknown option"),
    "a group misspelt": ("[alert]\nmargin = 3\n", "[alert]: unknown group; did you mean alerts"),
    "a group of nobody": ("[zzz]\nx = 1\n", "[zzz]: unknown group"),
    "a foreign group": ("[oslo_policy]\npolicy_fil = x\n", "did you mean policy_file?"),
    "a default": (
        "[DEFAULT]\nlog_flie = x\n",
        "[DEFAULT] log_flie: unknown option; did you mean log_file",
    ),
    "a credential": (
        "[keystone_authtoken]\nauth_type = password\npasword = x\n",
        "[keystone_authtoken] pasword: unknown option; did you mean password?",
    ),
    "a credential of another kind": (
        "[keystone_authtoken]\nauth_type = v3applicationcredential\nusernam = x\n",
        "usernam: unknown option; did you mean username?",
    ),
    "an option of a receiver": (
        f"[alerts]\nreceivers = am\n[receiver:am]\ntoken_hash = {HASH}\nkindd = aodh\n",
        "[receiver:am] kindd: unknown option; did you mean kind?",
    ),
    "a receiver that is not named": (
        f"[receiver:am]\ntoken_hash = {HASH}\n",
        "[receiver:am]: unknown group: add am to [alerts] receivers",
    ),
    "a token instead of its hash": (
        "[alerts]\nreceivers = am\n[receiver:am]\ntoken_hash = zz\n",
        "[receiver:am] token_hash must be 64 hexadecimal digits",
    ),
    "an address that is no URL": (
        f"[alerts]\nreceivers = am\n[receiver:am]\ntoken_hash = {HASH}\napi_urls = foo\n",
        "[receiver:am] api_urls: foo must be an http or https URL",
    ),
    "an origin that is none": ("[cors]\nallowed_origin = foo\n", "allowed_origin = foo matches no"),
    "a value of a library": ("[cors]\nmax_age = x\n", "[cors] max_age = x: must be an integer"),
    "more writers than threads": ("[api]\nwrite_threads = 9\n", "write_threads = 9 must be less"),
    "as many writers as threads": (
        "[api]\nwrite_threads = 4\nthreads = 4\n",
        "one thread is reserved",
    ),
    "a store that is waited for too long": (
        "[api]\nrequest_timeout = 5\n",
        "[database] request_timeout = 20 must be less than [api] request_timeout = 5",
    ),
    "a receiver without a group": ("[alerts]\nreceivers = am\n", "[receiver:am] has neither"),
    "a warning above its error": (
        "[alerts]\nquota_warning = 96\n",
        "the threshold of a Warning, 96 %, is above that of an Error, 95 %",
    ),
    "a warning above its error, of capacity": (
        "[alerts]\ncapacity_error = 10\n",
        "a Warning, 85 %",
    ),
    "a warning above its error, of a customer": (
        "[alerts]\nquota_of_customers = u:90/70.5\n",
        "quota_of_customers of u: the threshold of a Warning, 90 %, is above that of an Error",
    ),
}

RIGHT = {
    "nothing": "",
    "one thread": "[api]\nthreads = 1\n",
    "defaults said": "[api]\nport = 8779\nauth_strategy = noauth\n",
    "a password": "[keystone_authtoken]\nauth_type = password\nusername = x\npassword = y\n",
    "an application credential": "[keystone_authtoken]\nauth_type = v3applicationcredential\n"
    "application_credential_id = x\napplication_credential_secret = y\n",
    "a deprecated name": "[keystone_authtoken]\nauth_plugin = password\n",
    "others' groups": "[DEFAULT]\ndebug = true\n[oslo_policy]\npolicy_dirs = x\n"
    "[cors]\nallowed_origin = https://portal.example\n",
    "a receiver": "[alerts]\nreceivers = am\n[receiver:am]\nkind = aodh\nkeystone = true\n",
    "a warning at its error": "[alerts]\nquota_warning = 95\n",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "openstats.conf"


@pytest.mark.parametrize(("text", "words"), WRONG.values(), ids=WRONG)
def test_each_mistake_is_one_sentence_that_names_it(path: Path, text: str, words: str) -> None:
    path.write_text(text)
    (sentence,) = problems(conf.load([str(path)]))
    assert words in sentence


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_valid_configuration_has_no_problems(path: Path, text: str) -> None:
    path.write_text(text)
    assert problems(conf.load([str(path)])) == []


def test_files_of_a_directory_are_looked_at_too(path: Path) -> None:
    path.touch()
    directory = path.parent / "conf.d"
    directory.mkdir()
    (directory / "10-api.conf").write_text("[api]\nprot = 1\n")
    (sentence,) = problems(conf.load([str(path)], [str(directory)]))
    assert sentence.startswith(f"{directory}/10-api.conf: ")


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        (
            "OS_API__PROT",
            "environment variable OS_API__PROT: unknown option; did you mean OS_API__PORT?",
        ),
        (
            "OS_APIS__PORT",
            "environment variable OS_APIS__PORT: unknown option; did you mean OS_API__PORT?",
        ),
    ],
)
def test_variables_that_are_misspelt(
    path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, words: str
) -> None:
    path.touch()
    monkeypatch.setenv(variable, "1")
    monkeypatch.setenv("OS_NOVA__SOMETHING", "1")
    monkeypatch.setenv("OS_API__PORT", "1")
    assert problems(conf.load([str(path)])) == [words]


def test_the_sample_has_no_problem() -> None:
    assert problems(conf.load([str(ROOT / "etc" / "openstats" / "openstats.conf.sample")])) == []


@pytest.mark.parametrize(
    ("options", "warned"),
    [
        ("keystone = true", True),
        (f"keystone = true\ntoken_hash = {HASH}", True),
        ("keystone = true\nrole = alerter", False),
        (f"token_hash = {HASH}", False),
    ],
)
def test_a_receiver_that_every_member_may_use_is_warned_of(
    path: Path, options: str, warned: bool
) -> None:
    path.write_text(f"[alerts]\nreceivers = aodh\n[receiver:aodh]\n{options}\n")
    loaded = conf.load([str(path)])
    assert problems(loaded) == []
    found = warnings(loaded)
    assert [sentence.split(" has ")[0] for sentence in found] == ["[receiver:aodh]"] * warned
