"""Debian's Chromium under its own driver, with a fresh profile and no network but loopback."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from tests.harness.processes import program

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--disable-extensions", "--no-proxy-server"),
    *("--disable-crash-reporter", "--disable-breakpad", "--hide-scrollbars"),
    # whatever a page asks for beyond loopback is not found instead of looked up
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]",
)


@contextlib.contextmanager
def chromium(
    *, width: int = 1280, height: int = 900, dark: bool = False
) -> Iterator[webdriver.Chrome]:
    """A new browser, closed with all its processes at the end. Raises DidNotStart."""
    profile = Path(tempfile.mkdtemp(prefix="ispcore-chromium-"))
    options = Options()
    options.binary_location = program("chromium")
    for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
        options.add_argument(flag)
    if dark:
        options.add_argument("--force-dark-mode")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    os.environ["SE_OFFLINE"] = "true"  # selenium-manager stays out of it
    service = Service(
        executable_path=program("chromedriver"),
        env={"PATH": os.environ.get("PATH", ""), "HOME": str(profile), "LANG": "C.UTF-8"},
    )
    driver = webdriver.Chrome(options=options, service=service)
    try:
        driver.set_page_load_timeout(30)
        driver.set_script_timeout(30)
        yield driver
    finally:
        driver.quit()
        shutil.rmtree(profile, ignore_errors=True)
