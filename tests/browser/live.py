"""Changes that others make appear by themselves; a page that is filled in or folded out stays as it is."""

import time

from walkthrough.shell import expect


def check(browser, api):
    """Changes made by the API, as the command line makes them."""
    page = browser.visitor("en")
    browser.sign_in(page)
    page.goto("/dashboard/networks")
    page.wait_for_selector("#live[data-state=on]")

    # Somebody types, and has chosen a row: both stay.
    page.fill("#search", "")
    page.check("tbody tr:first-child input[name=id]")
    begun = time.monotonic()
    made = api.ask("POST", "/networking/v2.0/networks", {"network": {"name": "made-elsewhere"}})["network"]["id"]
    page.wait_for_selector("text=made-elsewhere", timeout=5_000)
    seconds = time.monotonic() - begun
    expect(page.is_checked("tbody tr:first-child input[name=id]"), "the chosen row is no longer chosen")
    api.ask("PUT", f"/networking/v2.0/networks/{made}", {"network": {"name": "renamed-elsewhere"}})
    page.wait_for_selector("text=renamed-elsewhere", timeout=5_000)

    # Its own page tells when it is gone.
    page.goto(f"/dashboard/networks/{made}")
    page.wait_for_selector("#live[data-state=on]")
    api.ask("DELETE", f"/networking/v2.0/networks/{made}")
    page.wait_for_selector(".problem", timeout=5_000)

    # Without a session any more it leads back to the sign-in.
    page.goto("/dashboard/networks")
    page.wait_for_selector("#live[data-state=on]")
    page.context.clear_cookies()
    api.ask("POST", "/networking/v2.0/networks", {"network": {"name": "another"}})
    page.reload()
    page.wait_for_url("**/dashboard/login*")
    return f"a change was shown after {seconds:.1f} s"
