"""One page to look at: a release as self-contained HTML, for people who would rather look than read SQL.

Charts are SVG in the page: bars in the rows of tables, columns and lines on an axis of time, and arcs between the
titles of articles that list one another. There is no script: the page works from a mail attachment, under a content
security policy that allows nothing, in print and for a screen reader. Rejected: Plotly inlined, 4 MB of JavaScript a
page and a policy that lets scripts run; Altair with vl-convert, which brings a browser's engine to draw bars, each
chart twice, since its texts shrink with the drawing on a narrow screen. What is lost is hovering; the numbers stand
beside or under every chart.
"""

from warehouse.report.page import render as render
