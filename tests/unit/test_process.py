"""A process around an app: what it loaded before."""

from __future__ import annotations

import gc
import weakref

from agents.process import freeze


class Loaded:
    """Something that lives as long as the process; or lies in a cycle that nobody has."""

    def __init__(self) -> None:
        self.me = self


def test_what_is_loaded_is_no_work_for_collections_and_garbage_of_loading_is_gone() -> None:
    """Garbage is collected first: frozen, it would stay."""
    gc.disable()
    try:
        stays, goes = Loaded(), Loaded()
        garbage = weakref.ref(goes)
        del goes
        freeze()
        assert garbage() is None
        assert gc.get_freeze_count() > 0
        assert not any(one is stays for one in gc.get_objects())
    finally:
        gc.unfreeze()
        gc.enable()
