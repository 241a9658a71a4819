"""Changes that others make appear by themselves; a page that is filled in or folded out stays as it is."""

import time

from walkthrough.shell import expect

from .chromium import TOO_WIDE


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

    # What is chosen stays chosen when the rows above it go.
    above = [api.network(f"10.{200 + number}.0.0/24")[0] for number in range(2)]
    for number, each in enumerate(above):
        api.ask("PUT", f"/networking/v2.0/networks/{each}", {"network": {"name": f"above-{number}"}})
    page.goto("/dashboard/networks?sort=name")
    page.wait_for_selector("#live[data-state=on]")
    page.check(f"tbody tr:has(a[href$='{above[1]}']) input[name=id]")
    api.ask("DELETE", f"/networking/v2.0/networks/{above[0]}")
    page.wait_for_selector(f"tbody a[href$='{above[0]}']", state="detached", timeout=5_000)
    chosen = page.eval_on_selector_all("tbody input[name=id]:checked", "all => all.map(box => [box.value, box.closest('tr').querySelector('a').pathname])")
    expect(chosen == [[above[1], f"/dashboard/networks/{above[1]}"]], f"chosen after a row above it went: {chosen}")

    # Its own page tells when it is gone.
    page.goto(f"/dashboard/networks/{made}")
    page.wait_for_selector("#live[data-state=on]")
    api.ask("DELETE", f"/networking/v2.0/networks/{made}")
    page.wait_for_selector(".problem", timeout=5_000)

    # Signed out in another window: the sign-in comes over the page, which then goes on, with what was typed.
    page.goto("/dashboard/networks")
    page.wait_for_selector("#live[data-state=on]")
    page.click("a.button.main[href='/dashboard/networks/new']")
    page.fill("#dialog[open] #f-name", "half-typed")
    other = page.context.new_page()
    other.goto("/dashboard/")
    other.click(".account summary")
    other.click("form[action='/dashboard/logout'] button")
    other.wait_for_url("**/dashboard/login")
    other.close()
    api.ask("POST", "/networking/v2.0/networks", {"network": {"name": "made-meanwhile"}})
    page.wait_for_selector("#session[open] input[name=password]")
    wrong = page.evaluate(TOO_WIDE) + browser.accessibility(page)
    expect(not wrong, "the sign-in over the page:\n" + "\n".join(wrong))
    page.fill("#session input[name=password]", "not-the-password")
    page.click("#session button.main")
    page.wait_for_selector("#session[open] .problem")
    page.fill("#session input[name=password]", browser.password("admin"))
    page.click("#session button.main")
    page.wait_for_selector("#session[open]", state="detached")
    expect(page.input_value("#dialog[open] #f-name") == "half-typed", "what was typed is gone")
    page.click("#dialog [data-close] >> nth=0")
    page.wait_for_selector("text=made-meanwhile", timeout=5_000)
    api.ask("POST", "/networking/v2.0/networks", {"network": {"name": "made-afterwards"}})
    page.wait_for_selector("text=made-afterwards", timeout=5_000)
    return f"a change was shown after {seconds:.1f} s"
