"""A real browser: Debian's Chromium, driven by Playwright; installed where there is none."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

APT = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
INSTALL = [*APT, "install", "-y", "--no-install-recommends", "chromium", "fonts-dejavu-core"]
FLAGS = [
    # Without an ordinary user there is no sandbox.
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
    "--disable-gpu",
    # What Chromium asks of its maker, and whom it would go through.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
]


@contextmanager
def running() -> Iterator[Browser]:
    """Start a browser, and close it."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def chromium() -> Path:
    """Find Chromium, installing it if need be.

    Raises:
        RuntimeError: there is none, and it cannot be installed.
    """
    if not (found := shutil.which("chromium")):
        _install()
        found = shutil.which("chromium")
    if not found:
        raise RuntimeError(f"Chromium is needed; on Debian, as root: {' '.join(INSTALL)}")
    return Path(found)


def _install() -> None:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run([*APT, "update"], env=environ, check=True)
        subprocess.run(INSTALL, env=environ, check=True)
