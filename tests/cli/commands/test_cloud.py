"""``openstats cloud accept``: what disappeared all at once is believed."""

from tests.cli.installation import Installation
from tests.double import Double


def test_accept_makes_a_mass_disappearance_count(installed: Installation, alpha: Double) -> None:
    assert installed.run("discover")[0] == 0
    names = [p.id for p in alpha.state.projects.values() if p.name.startswith("project")]
    for key in names:
        alpha.delete_project(key)
    status, _, error = installed.run("discover")
    assert status == 1
    assert "tenants are gone at once" in error
    status, said, _ = installed.run("cloud", "accept", "alpha")
    assert (status, said) == (
        0,
        f"alpha: accepted that {len(names)} of {len(names) + 2} tenants are gone.\n",
    )
    assert installed.run("discover")[0] == 0


def test_accept_without_a_disappearance_changes_nothing(
    installed: Installation, alpha: Double
) -> None:
    assert installed.run("discover")[0] == 0
    assert installed.run("cloud", "accept", "alpha")[:2] == (
        0,
        "alpha: no mass disappearance to accept.\n",
    )


def test_accept_of_an_unknown_cloud_names_the_registered_ones(
    installed: Installation, alpha: Double
) -> None:
    assert installed.run("discover")[0] == 0
    status, _, error = installed.run("cloud", "accept", "beta")
    assert (status, error) == (
        1,
        "openstats: cloud beta not found; registered clouds: alpha\n",
    )
