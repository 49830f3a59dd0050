"""Charts that several pages draw: Altair, with the palette of the pillars and data given in the page itself.

pandas is not needed: rows are plain dicts. Every chart has a table or list with the same facts beside it.
"""

from collections.abc import Sequence
from typing import Any

from app.explorer_config import THEME
from graph.icicle import Tile
from graph.palette import look_of, looks_of

Rows = Sequence[dict[str, Any]]
NEUTRAL = "#7a7f87"
_HEIGHT = 260
LINE = 13
"""The least height, in pixels, of a row with a label."""
# The share of a column by which the root's is narrower: it says nothing but the number of all papers.
_ROOT = 0.85
_TEXT = {False: THEME["theme.light.textColor"], True: THEME["theme.dark.textColor"]}


def pillar_scale(pillars: Sequence[str]) -> Any:
    """The colour of each pillar, for an Altair encoding."""
    import altair

    looks = looks_of(pillars)
    return altair.Scale(domain=list(pillars), range=[looks[pillar].color for pillar in pillars])


def _data(rows: Rows) -> Any:
    import altair

    return altair.Data(values=list(rows))  # type: ignore[no-untyped-call]


def stacked_years(rows: Rows, pillars: Sequence[str], chosen: tuple[int, int]) -> Any:
    """Bars of papers per year, stacked by pillar; years outside `chosen` are faded, a brush chooses others.

    Rows have `year`, `pillar` and `papers`. The page names the colours: a legend would not fit a phone.
    """
    import altair

    brush = altair.selection_interval(name="years", encodings=["x"])
    inside = f"datum.year >= {chosen[0]} && datum.year <= {chosen[1]}"
    return (
        altair.Chart(_data(rows), height=_HEIGHT)
        .mark_bar()
        .encode(
            x=altair.X("year:O", title=None, axis=altair.Axis(labelAngle=0)),
            y=altair.Y("papers:Q", title="papers"),
            color=altair.Color(
                "pillar:N", scale=pillar_scale(pillars), sort=list(pillars), legend=None,
            ),
            order=altair.Order("position:Q"),
            opacity=altair.condition(inside, altair.value(1.0), altair.value(0.3)),
            tooltip=[altair.Tooltip(f"{name}:N") for name in ("year", "pillar", "papers")],
        )
        .add_params(brush)
        # Drawn as one picture, which the page describes: as SVG the brush would be images without names.
        .properties(usermeta={"embedOptions": {"renderer": "canvas"}})
    )  # fmt: skip


def line_with_interval(
    rows: Rows, *, value: str, title: str, chance: float, pillar: str, most: float | None = None
) -> Any:
    """A value per year with its 95% interval; a rule at the value that means no difference.

    Rows have `year`, `low`, `high`, the value, and `rests on` in words; hollow points (`enough` false) rest
    on little.
    """
    import altair

    color = look_of(pillar).color
    scale = altair.Scale(domainMin=0, domainMax=most or altair.Undefined, clamp=True)
    base = altair.Chart(_data(rows), height=_HEIGHT).encode(
        x=altair.X("year:O", title=None, axis=altair.Axis(labelAngle=0)),
        tooltip=[altair.Tooltip("year:O"), altair.Tooltip(f"{value}:Q", format=".2f")]
        + [altair.Tooltip(f"{name}:Q", format=".2f") for name in ("low", "high")]
        + [altair.Tooltip("rests on:N")],
    )
    interval = base.mark_rule(color=color, strokeWidth=2).encode(
        y=altair.Y("low:Q", title=title, scale=scale), y2="high:Q"
    )
    line = base.mark_line(color=color, strokeWidth=1, opacity=0.5).encode(
        y=altair.Y(f"{value}:Q", title=title)
    )
    points = base.mark_point(color=color, size=70, strokeWidth=2).encode(
        y=altair.Y(f"{value}:Q", title=title),
        fill=altair.condition("datum.enough", altair.value(color), altair.value("transparent")),
    )
    rule = (
        altair.Chart(_data([{"chance": chance}]))
        .mark_rule(strokeDash=[4, 4], color=NEUTRAL)
        .encode(y=altair.Y("chance:Q", title=title))
    )
    return rule + interval + line + points


def icicle_chart(tiles: Sequence[Tile], chosen: str, *, height: int, dark: bool) -> Any:
    """Nodes as rectangles, their branch's colour at the left edge; a click chooses one (`node`).

    Labels are drawn where a rectangle is tall enough for a line of text.
    """
    import altair

    rows = [_tile_row(tile, height) | {"chosen": tile.entry.id == chosen} for tile in tiles]
    edge_of_all = max(row["x2"] for row in rows)
    parents = {tile.entry.parent for tile in tiles}
    for row in rows:
        row["room"] = row["x2"] if row["id"] in parents else edge_of_all
    base = altair.Chart(_data(rows), height=height).encode(
        x=altair.X("x:Q", axis=None, scale=altair.Scale(domain=[0, edge_of_all], nice=False)),
        y=altair.Y("y:Q", axis=None, scale=altair.Scale(domain=[1, 0], nice=False)),
        y2="y2:Q",
        tooltip=[altair.Tooltip(f"{name}:N") for name in ("label", "definition")],
    )
    node = altair.selection_point(name="node", fields=["id"], on="click", clear=False)
    color = altair.Color("color:N", scale=None)
    box = base.mark_rect(cornerRadius=2).encode(
        x2="x2:Q",
        color=color,
        opacity=altair.condition("datum.chosen", altair.value(0.55), altair.value(0.18)),
    )
    edge = base.mark_rect().encode(x2="edge:Q", color=color)
    text = (
        altair.Chart(_data([row for row in rows if row["fits"]]))
        .mark_text(
            align="left",
            baseline="middle",
            fontSize=11.5,
            color=_TEXT[dark],
            limit=altair.expr("scale('x', datum.room) - scale('x', datum.text) - 3"),
        )
        .encode(x="text:Q", y="middle:Q", text="label:N")
    )
    return (box.add_params(node) + edge + text).configure_view(strokeWidth=0)


def _tile_row(tile: Tile, height: int) -> dict[str, Any]:
    """Where a node is drawn; the root's column is narrower than the others."""
    left = max(tile.depth - _ROOT, 0.0)
    right = tile.depth + 1 - _ROOT
    return {
        "id": tile.entry.id, "label": f"{tile.entry.label} ({tile.entry.papers})",
        "definition": tile.entry.definition, "color": look_of(tile.entry.pillar).color,
        "x": left, "x2": right - 0.015, "edge": left + 0.025, "text": left + 0.055,
        "y": tile.top, "y2": max(tile.bottom - 1.5 / height, tile.top),
        "middle": (tile.top + tile.bottom) / 2,
        "fits": tile.depth > 0 and (tile.bottom - tile.top) * height >= 0.99 * LINE,
    }  # fmt: skip
