"""The registry: models, their versions, and what is said and done about them."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.ui.looking import HOSTILE, Site, call, find_barriers
from tests.ui.rich import Rich

pytestmark = pytest.mark.browser


def test_a_version_says_what_it_takes_and_where_it_came_from(page: Page, site: Site, rich: Rich) -> None:
    page.goto(f"{site.address}/models/{rich.model}/versions/2")
    for text in ["python_function, sklearn", "owner's city", "float64 (any)", "Staging", "@champion"]:
        expect(page.get_by_text(text).first).to_be_visible()
    expect(page.get_by_role("region", name="Lineage").first.get_by_role("listitem")).to_have_count(3)
    expect(page.get_by_role("region", name="Comments")).to_contain_text(HOSTILE)
    expect(page.get_by_role("region", name="Tags")).to_contain_text(HOSTILE[:60])
    page.get_by_role("link", name="Use", exact=True).click()
    expect(page.get_by_text(f'load_model("models:/{rich.model}@champion")').first).to_be_visible()
    page.get_by_role("link", name="Files", exact=True).click()
    page.get_by_role("button", name="requirements.txt").click()
    expect(page.get_by_text("scikit-learn==1.7.0")).to_be_visible()


def test_a_model_is_made_talked_about_and_deleted(page: Page, site: Site, rich: Rich) -> None:
    page.goto(f"{site.address}/models")
    page.get_by_role("button", name="Create").click()
    page.get_by_label("Name", exact=True).fill(rich.model)
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(page.get_by_role("alert")).to_contain_text("already")
    page.get_by_label("Name", exact=True).fill("made/by hand")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(page.get_by_role("alert").or_(page.get_by_text("No versions yet")).first).to_be_visible()
    page.get_by_label("Name", exact=True).fill("made by hand")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(page.get_by_text("No versions yet")).to_be_visible()
    page.get_by_label("Comment in Markdown").fill("**better**")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.get_by_role("article").locator("strong").last).to_have_text("better")
    page.get_by_role("button", name="Delete this comment").click()
    expect(page.get_by_role("article")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("article")).to_have_count(1)
    page.get_by_role("button", name="Acts on this model").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("“made by hand” is in the trash")).to_be_visible()
    expect(page.get_by_role("link", name="made by hand", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("made by hand")
    expect(page.get_by_role("article").locator("strong").last).to_have_text("better")


def test_a_version_comes_back_with_its_alias_and_what_is_left_from_the_trash(
    page: Page, site: Site, rich: Rich
) -> None:
    name = f"{rich.model}-undone"
    call(site.port, "POST", "/registered-models", {"name": name})
    source = {"source": f"runs:/{rich.run}/model", "run_id": rich.run}
    call(site.port, "POST", f"/registered-models/{name}/versions", source)
    call(site.port, "PUT", f"/registered-models/{name}/aliases/best", {"version": 1})
    page.goto(f"{site.address}/models/{name}/versions/1")
    page.get_by_role("button", name="Acts on this version").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(page.get_by_text("Version 1 is in the trash")).to_be_visible()
    expect(page.get_by_text("No versions yet")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".head").get_by_text("@best")).to_be_visible()
    call(site.port, "DELETE", f"/registered-models/{name}")
    page.goto(f"{site.address}/models")
    page.get_by_role("link", name="Trash", exact=True).click()
    row = page.get_by_role("row").filter(has=page.get_by_role("cell", name=name, exact=True))
    expect(row).to_contain_text("Model")
    row.get_by_role("button", name=f"Acts on {name}").click()
    page.get_by_role("menuitem", name="Remove for good").click()
    expect(page.get_by_role("dialog")).to_contain_text("This cannot be undone")
    expect(page.get_by_role("dialog")).to_contain_text("2 files")
    page.get_by_role("button", name="Cancel").click()
    row.get_by_role("button", name=f"Restore {name}").click()
    expect(row).to_have_count(0)
    page.goto(f"{site.address}/models/{name}/versions/1")
    expect(page.locator(".head").get_by_text("@best")).to_be_visible()
    call(site.port, "DELETE", f"/registered-models/{name}")
    page.goto(f"{site.address}/trash?kind=registered_model")
    row.get_by_role("button", name=f"Acts on {name}").click()
    page.get_by_role("menuitem", name="Remove for good").click()
    page.get_by_role("button", name="Remove for good", exact=True).click()
    expect(row).to_have_count(0)


@pytest.mark.parametrize("page", [(1280, "light"), (390, "dark")], indirect=True, ids=["1280-light", "390-dark"])
def test_a_policy_is_made_rule_by_rule_and_each_change_is_taken_back(page: Page, site: Site) -> None:
    name = f"careful {page.viewport_size['width'] if page.viewport_size else 0}"
    call(site.port, "POST", "/registered-models", {"name": name})

    def read_rules() -> list[tuple[str, bool, bool, bool, list[str]]]:
        rules = call(site.port, "GET", f"/registered-models/{quote(name)}/policy")["rules"]
        keys = ("signature", "evaluation", "approval", "keys")
        return [(one["stage"] or one["alias"], *(one[key] for key in keys)) for one in rules]

    page.goto(f"{site.address}/models/{quote(name)}")
    policy, dialog = page.get_by_role("region", name="Policy"), page.get_by_role("dialog")
    expect(policy).to_contain_text("Nothing is asked of a version")
    policy.get_by_role("button", name="Add a rule").click()
    dialog.get_by_label("The approval of somebody else than who asks").check()
    expect(dialog).to_contain_text("nobody can approve")
    assert find_barriers(page) == []
    dialog.get_by_role("button", name="Set").click()
    expect(policy.get_by_role("row", name="Production")).to_contain_text("passed, somebody else's approval")
    policy.get_by_role("button", name="Add a rule").click()
    expect(dialog.get_by_text("It has a rule already, which is replaced")).to_be_visible()
    dialog.get_by_label("Before a version has").select_option("an alias")
    dialog.get_by_label("Alias", exact=True).fill("champ ion/1")
    dialog.get_by_role("button", name="Set").click()
    expect(dialog.get_by_role("alert")).to_contain_text("alias")
    dialog.get_by_label("Alias", exact=True).fill("@champion")
    dialog.get_by_label("An evaluation that passed").uncheck()
    expect(dialog.get_by_role("button", name="Set")).to_be_disabled()
    dialog.get_by_label("A signature by a trusted key").check()
    expect(dialog).to_contain_text("No key is trusted yet")
    dialog.get_by_role("button", name="Set").click()
    expect(policy.get_by_role("row", name="@champion")).to_contain_text("a signature by a trusted key")
    assert read_rules() == [("Production", False, True, True, []), ("champion", True, False, False, [])]
    policy.get_by_role("button", name="Change what Production needs").click()
    dialog.get_by_label("The approval of somebody else than who asks").uncheck()
    dialog.get_by_role("button", name="Set").click()
    expect(policy).not_to_contain_text("approval")
    policy.get_by_role("button", name="Delete the rule of @champion").click()
    expect(policy.get_by_role("row", name="@champion")).to_have_count(0)
    assert read_rules() == [("Production", False, True, False, [])]
    undo = page.get_by_role("button", name="Undo")
    undo.last.click()
    expect(policy.get_by_role("row", name="@champion")).to_be_visible()
    undo.last.click()
    expect(policy).to_contain_text("somebody else's approval")
    assert find_barriers(page) == []


def test_stages_aliases_requests_and_vouching(page: Page, site: Site, rich: Rich) -> None:
    rule = {"stage": "Production", "alias": "", "signature": False, "keys": [], "evaluation": True, "approval": False}
    call(site.port, "PUT", f"/registered-models/{rich.model}/policy", {"rules": [rule]})
    page.goto(f"{site.address}/models/{rich.model}/versions/1")
    page.get_by_role("button", name="Change the stage").click()
    page.get_by_role("combobox", name="Stage").select_option("Production")
    page.get_by_role("dialog").get_by_role("button", name="Change").click()
    expect(page.get_by_role("alert")).to_contain_text("evaluation")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Acts on this version").click()
    page.get_by_role("menuitem", name="Ask for a stage").click()
    page.get_by_role("combobox", name="Stage").select_option("Production")
    page.get_by_label("Why").fill(HOSTILE)
    page.get_by_role("dialog").get_by_role("button", name="Ask").click()
    expect(page.get_by_role("region", name="Requests")).to_contain_text(HOSTILE)
    page.get_by_role("button", name="Say that it passed").click()
    page.get_by_role("dialog").get_by_role("button", name="Say it").click()
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(page.locator(".head").get_by_text("Production")).to_be_visible()
    page.get_by_role("button", name="Acts on this version").click()
    page.get_by_role("menuitem", name="Set an alias").click()
    page.get_by_label("Alias", exact=True).fill("best")
    page.get_by_role("dialog").get_by_role("button", name="Set").click()
    expect(page.locator(".head").get_by_text("@best")).to_be_visible()
    page.goto(f"{site.address}/models/{rich.model}")
    for version in (1, 2):
        page.get_by_role("checkbox", name=f"Choose version {version}").check()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("row", name="Stage Production Staging")).to_be_visible()


def test_a_model_and_its_version_say_where_they_are_served(page: Page, site: Site, rich: Rich) -> None:
    address = "https://models.example.com/churn"
    server = {"server_id": "a", "model": rich.model, "version": 1, "follows": "@best", "address": address}
    call(site.port, "POST", "/endpoints/live/servers", server)
    for path in (f"/models/{rich.model}", f"/models/{rich.model}/versions/1"):
        page.goto(site.address + path)
        served = page.get_by_role("region", name="Served now").first
        for text in ("live", "@best", address):
            expect(served).to_contain_text(text)
        expect(served.get_by_role("link", name=address)).to_have_attribute("href", address)
        assert find_barriers(page) == [], path
    expect(page.get_by_role("region", name="Lineage").first).to_contain_text("Endpoint")
    page.goto(f"{site.address}/models/{rich.model}/versions/2")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("region", name="Served now")).to_have_count(0)
    call(site.port, "POST", "/endpoints/live/servers/a/end", {})
