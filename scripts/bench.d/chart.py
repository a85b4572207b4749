"""The bench's table as a picture: a bar for each, shorter is faster; light and dark."""
from xml.sax.saxutils import escape

STYLE = """
    text { font: 13px "DejaVu Sans", Verdana, sans-serif; fill: #1f2328 }
    .title { font-weight: bold }
    .small { font-size: 11px; fill: #59636e }
    .bar { fill: #afb8c1 }
    .ours { fill: #0969da }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc }
      .small { fill: #9198a1 }
      .bar { fill: #3d444d }
      .ours { fill: #4493f8 }
    }
  """
LEFT, WIDTH, LINE = 110, 720, 20


def draw(rows, below):
    """An SVG of those rows that have times."""
    parts, y = [], 24
    for row in rows:
        if not row.times:
            continue
        unit = row.unit if row.unit == "ms" else "a second: more is faster"
        parts.append(f'<text class="title" x="10" y="{y}">{escape(row.title)}, {unit}</text>')
        y += LINE
        most = max(row.median(name) for name in row.times)
        for name in sorted(row.times, key=row.median, reverse=row.unit != "ms"):
            value = row.median(name)
            length = max(1, round((WIDTH - LEFT - 80) * value / most))
            parts.append(f'<text x="{LEFT - 8}" y="{y}" text-anchor="end">{escape(name)}</text>'
                         f'<rect class="{"ours" if name == "rung" else "bar"}" x="{LEFT}" y="{y - 11}" width="{length}" '
                         f'height="13"/><text x="{LEFT + length + 6}" y="{y}">{value:.{1 if value >= 10 else 2}f}</text>')
            y += LINE
        y += LINE // 2
    parts.append(f'<text class="small" x="10" y="{y}">{escape(below)}</text>')
    body = "\n  ".join(parts)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 14}" viewBox="0 0 {WIDTH} {y + 14}" '
            f'role="img">\n  <title>How long each takes</title>\n  <style>{STYLE}</style>\n  {body}\n</svg>\n')
