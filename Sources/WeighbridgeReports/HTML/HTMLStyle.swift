/// The style sheet of the HTML report: light and dark, phone and desktop.
enum HTMLStyle {
  static let sheet = [colors, page, tables, drawings, phone].joined()
    .replacing("\n", with: "")

  private static let colors = """
    :root{--bg:#f4f5f6;--card:#fff;--ink:#1c1e21;--soft:#5c636b;--line:#dcdfe3;--good:#12713a;
    --bad:#b3261e;--warn:#8f5200;--got:#1f5fbf;--iso:#c2410c;--band:#137a3d18;
    --bad-bg:#b3261e14;--warn-bg:#8f520014;--good-bg:#12713a14;--soft-bg:#5c636b14}
    @media(prefers-color-scheme:dark){:root{--bg:#131517;--card:#1b1e21;--ink:#e7e9ec;
    --soft:#a2a9b1;--line:#343a40;--good:#5bd08a;--bad:#ff8a80;--warn:#ffb74d;--got:#7fb2ff;
    --iso:#ff9d66;--band:#5bd08a1c;--bad-bg:#ff8a8020;--warn-bg:#ffb74d1c;--good-bg:#5bd08a1c;
    --soft-bg:#a2a9b11c}}
    """

  private static let page = """
    *{box-sizing:border-box}
    body{margin:0;background:var(--bg);color:var(--ink);
    font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
    main{max-width:1240px;margin:0 auto;padding:16px}
    header,section{background:var(--card);border:1px solid var(--line);border-radius:10px;
    padding:18px 20px;margin:0 0 16px}
    header.pass{border-left:8px solid var(--good)}header.fail{border-left:8px solid var(--bad)}
    .badge{color:var(--good)}.fail .badge{color:var(--bad)}
    h1{margin:0;font-size:1.5rem;overflow-wrap:anywhere}h2{margin:0 0 8px;font-size:1.1rem}
    h3{margin:12px 0 4px;font-size:.95rem;overflow-wrap:anywhere}
    p{margin:6px 0;overflow-wrap:anywhere}li{overflow-wrap:anywhere}
    .chips{display:flex;flex-wrap:wrap;gap:8px;list-style:none;margin:10px 0;padding:0}
    .chips li,.chip{border-radius:999px;padding:2px 12px;font-size:.85rem;background:var(--soft-bg)}
    .chips .s-source,.chips .s-glue,.chips .s-nonfinite{color:var(--bad);background:var(--bad-bg)}
    .chips .s-inherited,.chips .s-amplifier,.chips .s-reshaped{color:var(--warn);background:var(--warn-bg)}
    .chips .s-ok{color:var(--good);background:var(--good-bg)}
    .chip.likely{color:var(--good);background:var(--good-bg)}
    .chip.ambiguous,.chip.suggestion{color:var(--warn);background:var(--warn-bg)}
    .diagnosis article+article{border-top:1px solid var(--line);margin-top:14px;padding-top:4px}
    dl{display:flex;flex-wrap:wrap;gap:4px 28px;margin:10px 0 0}dl div{min-width:0}
    dl.facts{display:grid;grid-template-columns:minmax(90px,max-content) 1fr;gap:6px 18px}
    dl.facts div{display:contents}dt{color:var(--soft);font-size:.8rem}
    dl.facts dt{padding-top:2px}dd{margin:0;overflow-wrap:anywhere}
    .note{color:var(--soft);margin:0 0 10px;font-size:.85rem}
    pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--bg);
    border:1px solid var(--line);border-radius:6px;padding:10px;margin:8px 0;font-size:.85rem}
    code{font-size:.8rem;overflow-wrap:anywhere}summary{cursor:pointer;margin-bottom:6px}
    """

  private static let tables = """
    .scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.85rem;
    font-variant-numeric:tabular-nums}
    th,td{text-align:left;vertical-align:top;padding:3px 12px 3px 0;
    border-bottom:1px solid var(--line);white-space:nowrap}
    th{color:var(--soft);font-weight:600}
    .number{text-align:right}td:nth-child(2),td:nth-child(4),tr.reason td{white-space:normal}
    .steps td{white-space:normal;overflow-wrap:anywhere}.steps td:first-child{width:1.6em}
    tr.reason td{color:var(--soft);overflow-wrap:anywhere}
    .s-source td:first-child,.s-glue td:first-child,.s-nonfinite td:first-child,
    .m-missing td:first-child,.m-unexpected td:first-child,.m-does td:first-child
    {color:var(--bad);font-weight:600}
    .s-inherited td:first-child,.s-amplifier td:first-child,.s-reshaped td:first-child{color:var(--warn)}
    .s-ok td:first-child,.m-matched td:first-child{color:var(--good)}
    .s-missing,.m-unused{color:var(--soft)}
    """

  private static let drawings = """
    svg{display:block;width:100%;height:auto}svg text{fill:var(--soft);font-size:11px}
    svg.map{aspect-ratio:1}
    .grid{display:grid;grid-template-columns:repeat(3,1fr);gap:20px}
    figure{margin:0;min-width:0}figcaption{font-size:.8rem;color:var(--soft);margin-top:4px;
    overflow-wrap:anywhere}
    .axis{stroke:var(--line);fill:none}.band{fill:var(--band)}
    .limit{stroke:var(--good);stroke-dasharray:5 4;fill:none}
    .noise{stroke:var(--good);stroke-dasharray:1 4;fill:none}
    .all{stroke:var(--got);fill:none;stroke-width:1.5}
    .isolated{stroke:var(--iso);fill:none;stroke-width:1.5}
    .key-all{color:var(--got);font-weight:600}.key-isolated{color:var(--iso);font-weight:600}
    .dot-all{fill:var(--got)}.dot-isolated{fill:var(--iso)}.hit{fill:transparent}
    .bar{fill:var(--got)}.bar.none{fill:#f0f}
    .swatch{display:inline-block;width:.8em;height:.8em;margin:0 4px 0 6px;border-radius:2px}
    .swatch.ok{background:#8fd3a5}.swatch.bad{background:#e0433a}
    .swatch.inherited{background:#f0a03c}.swatch.none{background:#b9bec5}
    .narrow{display:none}
    """

  private static let phone = """
    @media(max-width:640px){main{padding:10px}header,section{padding:14px}
    .wide{display:none!important}.narrow{display:block}
    .grid{grid-template-columns:repeat(2,1fr);gap:12px}
    table{font-size:.78rem}th,td{padding-right:7px}dl.facts{display:block}dl.facts div{display:block;margin-bottom:6px}}
    """
}
