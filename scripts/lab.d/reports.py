"""Writes grades down for other programs: TAP, JUnit's XML and JSON."""

import json
import os
import xml.etree.ElementTree as xml

import show


def _printable(text):
    """XML takes no control characters, not even as entities."""
    return "".join(c for c in text if c == "\n" or c.isprintable())


def counted(test):
    if test["lesson"]:
        return f"{test['points'] * test['counts']} of {test['points']} points"
    return "polish"


def tap(grades):
    lines, number = [], 0
    for grade in grades:
        for test in grade["tests"]:
            number += 1
            verdict = "ok" if test["result"] in ("passed", "skipped") else "not ok"
            note = " # skip" if test["result"] == "skipped" else ""
            worth = counted(test)
            lines.append(f"{verdict} {number} - step{grade['step']} {test['name']} ({worth}){note}")
            lines += [f"# {line}" for line in test["text"].splitlines() if verdict == "not ok"]
        lines.append(f"# step{grade['step']}: {show.score(grade)}")
    return f"TAP version 13\n1..{number}\n" + "\n".join(lines) + "\n"


def junit(grades):
    root = xml.Element("testsuites")
    for grade in grades:
        suite = xml.SubElement(root, "testsuite", name=f"step{grade['step']}",
                               timestamp=grade["time"], tests=str(len(grade["tests"])))
        properties = xml.SubElement(suite, "properties")
        for name in ("points", "most", "stars", "most_stars"):
            xml.SubElement(properties, "property", name=name, value=str(grade[name]))
        for test in grade["tests"]:
            case = xml.SubElement(suite, "testcase", name=test["name"], time=str(test["seconds"]),
                                  classname=f"step{grade['step']}.{test['part']}")
            if test["result"] == "skipped":
                xml.SubElement(case, "skipped")
            elif test["result"] != "passed":
                failure = xml.SubElement(case, "failure", message=test["cause"] or test["result"])
                failure.text = _printable(test["text"])
            xml.SubElement(case, "system-out").text = counted(test)
        if grade["error"]:
            xml.SubElement(suite, "system-err").text = _printable(grade["error"])
    xml.indent(root)
    return xml.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def as_json(grades):
    return json.dumps({"steps": grades}, indent=1, ensure_ascii=False) + "\n"


def write(grades, directory):
    """Returns the paths of the three files."""
    os.makedirs(directory, exist_ok=True)
    paths = []
    for name, make in (("report.tap", tap), ("report.xml", junit), ("report.json", as_json)):
        paths.append(os.path.join(directory, name))
        with open(paths[-1], "w", encoding="utf-8") as file:
            file.write(make(grades))
    return paths
