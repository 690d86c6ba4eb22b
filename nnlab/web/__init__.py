"""What pages share: ES modules, the style sheet and uPlot. The report and the board use it.

`shared` has the components, `report` and `board` the modules of the two pages. The modules are
served as they are, or combined into one script by `nnlab.web.inline` for a self-contained page.
"""
