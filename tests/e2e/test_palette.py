"""White text has 4.5:1 on all 64 gradients (C-UI-23). Between two stops luminance never exceeds the lighter one: it is convex in each channel."""
import itertools
import re

from conftest import ROOT


def luminance(colour):
    channels = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_white_on_every_gradient():
    css = (ROOT / "web/css/palette.css").read_text()
    stops = {side: dict(re.findall(rf"\.{side}-(\w+) \{{ --{side}: (#[0-9a-f]{{6}}); \}}", css)) for side in ("from", "to")}
    assert set(stops["from"]) == set(stops["to"]) == {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    for a, b in itertools.product(stops["from"].values(), stops["to"].values()):
        assert 1.05 / (max(luminance(a), luminance(b)) + 0.05) >= 4.5, (a, b)
