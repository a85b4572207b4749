"""What a step begins with: our files of it, but for those of the lesson, which
have their functions' names, and what each promises, and are empty."""

import glob
import os
import re

import catalogue
from catalogue import TOP

# A step's new files are its lesson, but for those that only serve.
SERVING = ["host.c"]
NOTE = "/* make lab: the functions below are for you to write. */\n"


def to_write(step):
    """The files of the lesson: new in our step, compared with the one before."""
    def names(which):
        return {os.path.basename(path) for path in glob.glob(f"{TOP}/{catalogue.directory_of(which)}/*.c")}
    return sorted(names(step) - names(f"{int(step) - 1:02d}") - set(SERVING))


def items_of(source):
    """The pieces of a file: (comment, code), where either may be empty."""
    lines, items, comment, code = source.split("\n"), [], [], []
    for line in lines:
        if code:
            code.append(line)
            if line in ("}", "};") or line.endswith(";") and "{" not in "".join(code):
                items.append(("\n".join(comment), "\n".join(code)))
                comment, code = [], []
        elif line.startswith(("/*", " *")):
            comment.append(line)
        elif not line or line.startswith("#"):
            items.append(("\n".join(comment), line))
            comment = []
        else:
            code = [line]
            if line.endswith(";"):
                items.append(("\n".join(comment), line))
                comment, code = [], []
    return items


def empty_body(head):
    """Of a function that begins with HEAD: it compiles without a warning."""
    words = re.search(r"\((.*)\)", head, re.S)[1]
    names = [re.findall(r"\w+", word)[-1] for word in words.split(",") if word.strip() != "void"]
    before = head.split("(", 1)[0]
    lines = [f"(void){name};" for name in names]
    if "*" in before:
        lines.append("return NULL;")
    elif before.startswith("bool"):
        lines.append("return false;")
    elif not before.startswith("void"):
        lines.append("return 0;")
    return "{\n" + "".join(f"    {line}\n" for line in lines) + "}"


def emptied(source):
    """The file without what the lesson is to write: its own variables and helpers
    go, and the functions that others call have nothing in them."""
    kept, seen_code = [], False
    for comment, code in items_of(source):
        head, brace, _ = code.partition("\n{\n")
        if brace and not re.match(r"(struct|enum)\b[^(]*$|.*\bstatic\b", head):
            kept.append("\n".join(filter(None, [comment, f"{head}\n{empty_body(head)}"])))
            seen_code = True
        elif not seen_code and (code.startswith("#") or not code):
            kept.append("\n".join(filter(None, [comment, code])))
    text = "\n".join(kept)
    text = re.sub(r"\n{3,}", "\n\n", text)
    # Between two functions stands an empty line.
    text = re.sub(r"\n}\n(?=\S)", "\n}\n\n", text)
    first = text.index("*/\n") + 3
    return text[:first] + NOTE + text[first:].rstrip() + "\n"


def files_of(step):
    """{name: text} of all that a step begins with."""
    files = {}
    for path in sorted(glob.glob(f"{TOP}/{catalogue.directory_of(step)}/*.[ch]")):
        with open(path, encoding="utf-8") as file:
            name, text = os.path.basename(path), file.read()
        files[name] = emptied(text) if name in to_write(step) else text
    return files
