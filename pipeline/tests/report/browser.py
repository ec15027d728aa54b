"""Uses a report as a person does, in headless Chromium. Arguments: a JSON file {"folder", "large", "expected"}; prints what was measured."""

import base64
import json
import sys
import tempfile
import time

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--window-size=1280,1000",
]


def start(profile, more=()):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in [*FLAGS, *more, f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))


class Reader:
    def __init__(self, driver, folder):
        self.driver, self.address = driver, f"file://{folder}/index.html"

    def js(self, script, *arguments):
        return self.driver.execute_script(f"return {script}", *arguments)

    def until(self, script, what, seconds=30):
        end = time.time() + seconds
        while time.time() < end:
            found = self.js(script)
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {what}; {self.driver.current_url}")

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def open(self, route=""):
        self.driver.get("about:blank")
        self.driver.get(self.address + route)
        self.until("document.querySelector('main h1') !== null", "a heading")

    def column(self, at, table="#traits"):
        return self.js("[...document.querySelectorAll(arguments[0] + ' tbody tr')].map((row) => row.children[arguments[1]].innerText)", table, at)

    def charts(self):
        self.until("document.querySelectorAll('.plot').length > 0 && [...document.querySelectorAll('.plot')].every((plot) => plot.hasAttribute('data-drawn'))", "charts")

    def press(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()


def value(text):
    text = text.replace(",", "").replace("−", "-").replace("–", "")
    try:
        return float(text)
    except ValueError:
        return None


def sorted_well(reader, expected):
    """Every column, both ways; numbers compared with those that norna export gave."""
    n_columns = len(reader.all("#traits thead th"))
    for at in range(n_columns):
        for _ in range(2):
            button = reader.all("#traits thead th button")[at]
            button.click()
            direction = reader.all("#traits thead th")[at].get_attribute("aria-sort")
            assert direction in ("ascending", "descending"), direction
            assert len(reader.all("#traits thead th[aria-sort]")) == 1
            cells = [cell for cell in reader.column(at) if cell not in ("–", "")]
            numbers = [value(cell) for cell in cells]
            if all(number is not None for number in numbers) and reader.all("#traits thead th")[at].get_attribute("class") == "number":
                # p is sorted by −log10 p.
                falls = (direction == "descending") != button.text.strip().startswith("p")
                assert numbers == sorted(numbers, reverse=falls), (button.text, direction, numbers)
    hits = {name: value(n) for name, n in zip(reader.column(0), reader.column(2))}
    assert hits == {name: float(n) for name, n in expected["hits"].items()}, hits


def overview(reader, expected):
    reader.open()
    assert reader.js("norna.opened") is None or reader.js("norna.opened") < 5000
    assert reader.js("window.hacked") is None and reader.all("main img") == []
    assert sorted(reader.column(0)) == sorted(expected["hits"]), reader.column(0)
    sorted_well(reader, expected)
    search = reader.one("#traits-search")
    search.send_keys(expected["strongest"]["trait"][-6:])
    assert reader.column(0) == [expected["strongest"]["trait"]], reader.column(0)
    assert "1 of" in reader.one(".count").text
    search.clear()
    search.send_keys("no such thing")
    assert "No trait matches" in reader.one("#traits").text
    search.clear()
    search.send_keys(Keys.SPACE)
    assert len(reader.column(0)) == len(expected["hits"])
    strange = [name for name in expected["hits"] if "<" in name][0]
    assert strange in reader.column(0)
    return strange


def keyboard(reader, expected):
    """From the top of the page to a chart by keys alone."""
    reader.open()
    reader.press(Keys.TAB)
    assert reader.js("document.activeElement.className") == "skip"
    for _ in range(40):
        reader.press(Keys.TAB)
        if reader.js("document.activeElement.id") == "traits-search":
            break
    reader.press(expected["strongest"]["trait"])
    for _ in range(20):
        reader.press(Keys.TAB)
        if reader.js("document.activeElement.textContent").startswith("Hits"):
            break
    reader.press(Keys.ENTER)
    reader.until("document.activeElement.parentElement.getAttribute('aria-sort') === 'descending'", "the table sorted by a key")
    assert reader.js("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    for _ in range(20):
        reader.press(Keys.TAB)
        if reader.js("document.activeElement.matches('#traits tbody a')"):
            break
    reader.press(Keys.ENTER)
    reader.until("document.title.includes(arguments[0])".replace("arguments[0]", json.dumps(expected["strongest"]["trait"])), "the trait's page")
    reader.charts()
    reader.until("document.activeElement.tagName === 'H1'", "the focus on the heading")
    reader.js("document.querySelector('#manhattan .plot').focus()")
    before = reader.js("document.querySelector('#manhattan .plot').layout.xaxis.range")
    reader.press("+")
    reader.press(Keys.ARROW_RIGHT)
    after = reader.js("document.querySelector('#manhattan .plot').layout.xaxis.range")
    width = before[1] - before[0]
    assert abs((after[1] - after[0]) / width - 0.5) < 1e-6 and after[0] > before[0] + 0.3 * width, (before, after)
    reader.press("0")
    reader.until(f"document.querySelector('#manhattan .plot').layout.xaxis.range[0] === {before[0]}", "the whole chart by a key")


def trait(reader, expected):
    """The charts have the points that norna export has."""
    name = expected["strongest"]["trait"]
    reader.open("#/trait/" + name)
    reader.charts()
    plot = "document.querySelector('#manhattan .plot')"
    drawn = reader.js(f"{plot}.data.filter((trace) => trace.name === 'variants').flatMap((trace) => [...trace.y])")
    assert len(drawn) == len(expected["points"]), (len(drawn), len(expected["points"]))
    far = max(abs(a - b) for a, b in zip(sorted(drawn), sorted(expected["points"])))
    assert far < 6e-4, far
    cells = reader.js(f"{plot}.data.filter((trace) => trace.name === 'bins').reduce((sum, trace) => sum + trace.x.length, 0)")
    assert cells == expected["cells"], (cells, expected["cells"])
    qq = "document.querySelector('#qq .plot').data[2]"
    assert abs(reader.js(f"Math.max(...{qq}.y)") - expected["strongest"]["log10p"]) < 6e-4
    assert reader.js(f"{qq}.x.length") > 100
    # Every lead is a row with the numbers of the export.
    lead = reader.js("[...document.querySelectorAll('#lead-table tbody tr')].map((row) => [...row.children].map((cell) => cell.innerText))")[0]
    for told, known in ((lead[5], expected["strongest"]["beta"]), (lead[6], expected["strongest"]["se"])):
        assert abs(value(told) - known) <= 6e-4 * abs(known), (told, known)
    # A drag of the mouse zooms, a double click goes back.
    box = reader.one("#manhattan .nsewdrag")
    reader.js("document.querySelector('#manhattan').scrollIntoView({block: 'center', behavior: 'instant'})")
    before = reader.js(f"{plot}.layout.xaxis.range")
    ActionChains(reader.driver).move_to_element_with_offset(box, -200, 0).click_and_hold().move_by_offset(150, 60).move_by_offset(50, 20).release().perform()
    reader.until(f"{plot}.layout.xaxis.range[0] > {before[0]} + 1", "a zoom by the mouse")
    reader.one("#manhattan [data-move=whole]").click()
    reader.until(f"Math.abs({plot}.layout.xaxis.range[0] - {before[0]}) < 1", "the whole chart again")
    # Numbers of the chart.
    reader.one("#manhattan details summary").click()
    reader.until(f"document.querySelectorAll('#manhattan details tbody tr').length === {min(25, expected['n_strongest'])}", "the strongest variants")
    return name


def themes(reader):
    paper = "getComputedStyle(document.body).backgroundColor"
    before = reader.js(paper)
    reader.one("#theme").click()
    assert reader.js(paper) != before
    reader.open("#/run")
    assert reader.js(paper) != before, "the choice of colours is kept"
    for theme in ("light", "dark"):
        reader.js("norna.theme.set(arguments[0])", theme)
        worst = reader.js(CONTRAST)
        assert worst[0] >= 4.5, (theme, worst)
    reader.js("norna.theme.set('light')")


# The smallest contrast of a text with the paper behind it (WCAG 2.2, 1.4.3), and the text.
CONTRAST = """(() => {
  const parse = (colour) => colour.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => { const f = (c) => { c /= 255; return c <= 0.03928 ? c / 12.92 : Math.pow((c + 0.055) / 1.055, 2.4); }; return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
  let worst = [100, ''];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (walker.currentNode.data.trim() === '' || !element.checkVisibility() || element.closest('svg, script, style, noscript, button:disabled, .unseen')) continue;
    let behind = element;
    let paper = parse(getComputedStyle(behind).backgroundColor);
    while ((paper.length === 4 && paper[3] === 0) && behind.parentElement) { behind = behind.parentElement; paper = parse(getComputedStyle(behind).backgroundColor); }
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(paper)];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < worst[0]) worst = [contrast, walker.currentNode.data];
  }
  return worst;
})()"""


def accessible(reader, route):
    """What a screen reader is given: landmarks, names of everything that can be used, tables with captions and headers."""
    reader.open(route)
    reader.charts()
    nodes = reader.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    nodes = [node for node in nodes if not node.get("ignored")]
    name = lambda node: node.get("name", {}).get("value", "").strip()
    roles = [node["role"]["value"] for node in nodes if "role" in node]
    for role in ("banner", "navigation", "main", "contentinfo", "heading"):
        assert role in roles, (route, role)
    for node in nodes:
        role = node.get("role", {}).get("value", "")
        if role in ("button", "link", "searchbox", "img", "image", "table", "figure", "columnheader", "rowheader", "region", "group", "navigation"):
            assert name(node) or role in ("figure", "group"), (route, role, node.get("nodeId"))
    assert reader.js("[...document.querySelectorAll('table')].every((table) => table.caption && [...table.querySelectorAll('th')].every((th) => th.scope))")
    assert reader.js("[...document.querySelectorAll('input')].every((input) => input.labels.length > 0)")
    assert reader.js("document.querySelectorAll('h1').length") == 1 and reader.js("document.documentElement.lang") == "en"
    assert reader.js("[...document.querySelectorAll('figure.chart')].every((chart) => chart.querySelector('figcaption').textContent.length > 10)")


def printed(reader):
    page = base64.b64decode(reader.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True, "paperWidth": 8.27, "paperHeight": 11.69})["data"])
    n_pages = page.count(b"/Type /Page\n") + page.count(b"/Type /Page ") + page.count(b"/Type/Page/")
    assert page.startswith(b"%PDF") and 1 <= n_pages <= 12, n_pages
    assert reader.js("document.documentElement.classList.contains('printing')") is False
    return n_pages


def history(reader, name):
    reader.open()
    reader.one("#pages a[data-page=run]").click()
    reader.until("document.title.startsWith('Run')", "the run")
    reader.driver.back()
    reader.until("document.querySelector('#traits') !== null", "the traits, by the way back")
    reader.open("#/trait/no%20such%20trait")
    assert "Not in this report" in reader.one("main").text


def run_page(reader, expected):
    reader.open("#/run")
    reader.charts()
    kinds = reader.js("[...document.querySelectorAll('.plot')].map((plot) => plot.data[0].type)")
    assert kinds == ["sankey"] * 3, kinds
    values = reader.js("document.querySelector('#ledger-variants .plot').data[0].link.value")
    assert sum(values) >= expected["n_variants"], values
    assert str(expected["n_samples"]) in reader.one("#ledger-samples").text


def quiet(driver, folders):
    """No message of the console, and nothing asked for but files of the reports."""
    messages = [entry for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
    # What Plotly says where WebGL is missing is no fault of the page.
    messages = [entry for entry in messages if "GPU stall" not in entry["message"] and "WebGL" not in entry["message"]]
    assert messages == [], messages
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            address = message["params"]["request"]["url"]
            assert address.startswith(("data:", "blob:", "about:", "chrome:", "chrome-extension:")) or any(address.startswith(f"file://{folder}/") for folder in folders), address


def main():
    with open(sys.argv[1]) as file:
        given = json.load(file)
    measured = {}
    with tempfile.TemporaryDirectory() as profile:
        driver = start(profile)
        try:
            reader = Reader(driver, given["folder"])
            expected = given["expected"]
            strange = overview(reader, expected)
            keyboard(reader, expected)
            name = trait(reader, expected)
            measured["pages"] = printed(reader)
            themes(reader)
            run_page(reader, expected)
            history(reader, name)
            reader.open("#/trait/" + reader.js("encodeURIComponent(arguments[0])", strange))
            reader.charts()
            assert reader.one("h1").text == strange and reader.js("window.hacked") is None
            for route in ("", "#/run", "#/trait/" + name):
                accessible(reader, route)
            if given.get("proteins"):
                proteins(Reader(driver, given["proteins"]["folder"]), given["proteins"])
            large = Reader(driver, given["large"])
            large.open()
            large.until("norna.opened", "the overview")
            measured["opened_ms"] = large.js("norna.opened")
            assert large.js("norna.data.traits.name.length") == given["n_large"] and measured["opened_ms"] < 2000, measured
            folders = [given["folder"], given["large"], given.get("proteins", {}).get("folder", given["folder"])]
            quiet(driver, folders)
        finally:
            driver.quit()
    print(json.dumps(measured))


def proteins(reader, expected):
    """The map of variants against genes, and a region with linkage and genes."""
    reader.open("#/cis-trans")
    reader.charts()
    counted = reader.js("[norna.cisTrans.n_cis, norna.cisTrans.n_trans]")
    assert counted == [expected["n_cis"], expected["n_trans"]], (counted, expected)
    drawn = reader.js("document.querySelector('#cis-trans .plot').data.map((trace) => trace.x.length)")
    assert 0 < sum(drawn) <= sum(counted) and f"{expected['n_cis']:,} hits within" in reader.one("#cis-trans figcaption").text, drawn
    reader.open("#/trait/" + expected["trait"] + "/lead/0")
    reader.until("document.querySelector('#region-chart .plot[data-drawn]') !== null", "the region")
    drawn = reader.js("document.querySelector('#region-chart .plot').data.filter((trace) => trace.yaxis !== 'y2').reduce((sum, trace) => sum + trace.x.length, 0)")
    assert 50 < drawn <= expected["n_around"], (drawn, expected)
    assert expected["gene"] in reader.one("#region-chart figcaption").text
    assert "r² ≥ 0.8" in reader.one("#region-chart figcaption").text


if __name__ == "__main__":
    main()
