"""The document of GET /api/v1/events/{event}/plan: a layout for drawing and reading out.

  name, size {width, height}, focal {x, y}
  box         [left, top, right, bottom] of all there is to draw; shapes as if unrotated
  categories  [{name, color, first, count}]: one range of seat indices each
  zones       [{name, x, y, rows: [{number, seats}]}]
  seats       columns in seat index order: guid, x, y, category, number, row, zone;
              and `accessible`, the indices of accessible seats
  areas       [{name, zone, category, x, y, width, height, seats}]: general admission
  shapes      what is drawn and not sold; see model.Shape

`seats` of a row or an area is its runs [first index, count] in physical order. Coordinates are
rounded to 0.1 plan units. Columns, not objects: a bowl of 80,000
seats is 3.2 MB, 0.6 MB compressed.
"""

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from usher.venue.model import Layout


def geometry(layout: "Layout") -> dict[str, Any]:
    """The document above."""
    plan = layout.plan
    areas = [
        {
            "name": area.name,
            "zone": z,
            "category": layout.category[runs[0][0]],
            "x": _tenth(area.x),
            "y": _tenth(area.y),
            "width": _tenth(area.width),
            "height": _tenth(area.height),
            "seats": runs,
        }
        for z, zone in enumerate(plan.zones)
        for area, runs in zip(zone.areas, layout.area_runs[z], strict=True)
    ]
    return {
        "name": plan.name,
        "size": {"width": _tenth(plan.width), "height": _tenth(plan.height)},
        "box": _box(layout),
        "focal": {"x": _tenth(plan.focal_x), "y": _tenth(plan.focal_y)},
        "categories": [
            {"name": each.name, "color": each.color, "first": each.first, "count": each.count}
            for each in layout.categories
        ],
        "zones": [
            {
                "name": zone.name,
                "x": _tenth(zone.x),
                "y": _tenth(zone.y),
                "rows": [
                    {"number": row.number, "seats": runs}
                    for row, runs in zip(zone.rows, layout.row_runs[z], strict=True)
                ],
            }
            for z, zone in enumerate(plan.zones)
        ],
        "seats": {
            "guid": layout.guid,
            "x": [_tenth(x) for x in layout.x],
            "y": [_tenth(y) for y in layout.y],
            "category": layout.category,
            "number": layout.number,
            "row": layout.row,
            "zone": layout.zone,
            "accessible": layout.accessible,
        },
        "areas": areas,
        "shapes": msgspec.to_builtins(plan.shapes),
    }


def _box(layout: "Layout") -> list[float | int]:
    xs, ys = [min(layout.x), max(layout.x)], [min(layout.y), max(layout.y)]
    for zone in layout.plan.zones:
        for area in zone.areas:
            xs += (area.x, area.x + area.width)
            ys += (area.y, area.y + area.height)
    for shape in layout.plan.shapes:
        half = shape.kind == "ellipse"
        left, top = shape.x - half * shape.width / 2, shape.y - half * shape.height / 2
        xs += (left, left + shape.width, *(shape.x + x for x, _ in shape.points))
        ys += (top, top + shape.height, *(shape.y + y for _, y in shape.points))
    return [_tenth(min(xs)), _tenth(min(ys)), _tenth(max(xs)), _tenth(max(ys))]


def _tenth(value: float) -> float | int:
    # a whole number travels without its ".0": two bytes of seven, 160,000 times
    tenth = round(value, 1)
    whole = int(tenth)
    return whole if whole == tenth else tenth
