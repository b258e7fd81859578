"""Request ids: our own, and that of the caller's request where it is one."""

import pytest
from oslo_context import context

from openstats.http import request_id

ID = "req-11111111-2222-3333-4444-555555555555"


def test_each_request_has_an_id_of_its_own_in_environment_and_context() -> None:
    environs = [{}, {}]
    first, second = map(request_id.assign, environs)
    assert first != second
    assert [request_id.current(environ) for environ in environs] == [first, second]
    assert context.get_current().request_id == second


@pytest.mark.parametrize(("header", "global_id"), [(ID, ID), (f"{ID} ", None), ("x", None)])
def test_the_callers_id_is_global_where_it_is_well_formed(
    header: str, global_id: str | None
) -> None:
    assert request_id.assign({request_id.VARIABLE: header}) != header
    assert context.get_current().global_request_id == global_id
