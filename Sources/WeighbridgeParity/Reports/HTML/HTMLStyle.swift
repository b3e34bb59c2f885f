/// The style sheet of the HTML report: light and dark, phone and desktop.
enum HTMLStyle {
  static let sheet = """
    :root{--bg:#fbfbfa;--card:#fff;--ink:#1c1e21;--soft:#63686f;--line:#dcdfe3;--good:#137a3d;\
    --bad:#b3261e;--warn:#a05a00;--got:#1f5fbf;--iso:#c2410c;--band:#137a3d1f}
    @media(prefers-color-scheme:dark){:root{--bg:#131517;--card:#1b1e21;--ink:#e7e9ec;\
    --soft:#9aa1a9;--line:#343a40;--good:#5bd08a;--bad:#ff8a80;--warn:#ffb74d;--got:#7fb2ff;\
    --iso:#ff9d66;--band:#5bd08a22}}
    *{box-sizing:border-box}
    body{margin:0;background:var(--bg);color:var(--ink);\
    font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
    main{max-width:1100px;margin:0 auto;padding:16px}
    header,section{background:var(--card);border:1px solid var(--line);border-radius:10px;\
    padding:16px;margin:0 0 16px}
    header.pass{border-left:8px solid var(--good)}header.fail{border-left:8px solid var(--bad)}
    header.pass h1{color:var(--good)}header.fail h1{color:var(--bad)}
    h1{margin:0;font-size:1.5rem}h2{margin:0 0 8px;font-size:1.1rem}h3{margin:12px 0 4px;\
    font-size:.95rem}
    header ul{margin:6px 0 12px;padding-left:18px}
    dl{display:flex;flex-wrap:wrap;gap:4px 28px;margin:0}dl div{min-width:0}
    dl.facts{display:block}dt{color:var(--soft);font-size:.8rem}dd{margin:0;overflow-wrap:anywhere}
    li{overflow-wrap:anywhere}
    .note{color:var(--soft);margin:0 0 8px;font-size:.85rem}
    svg{display:block;width:100%;height:auto}svg text{fill:var(--soft);font-size:11px}
    pre{overflow-x:auto;background:var(--bg);border:1px solid var(--line);border-radius:6px;\
    padding:10px}
    code{font-size:.8rem;overflow-wrap:anywhere}
    .scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.85rem;\
    font-variant-numeric:tabular-nums}
    th,td{text-align:left;padding:3px 10px 3px 0;border-bottom:1px solid var(--line);\
    white-space:nowrap}
    tr.reason td{white-space:normal;color:var(--soft)}
    .s-source td:first-child,.s-glue td:first-child,.s-nonfinite td:first-child,\
    .m-missing td:first-child,.m-unexpected td:first-child,.m-does td:first-child\
    {color:var(--bad);font-weight:600}
    .s-inherited td:first-child,.s-amplifier td:first-child{color:var(--warn)}
    .s-ok td:first-child,.m-matched td:first-child{color:var(--good)}
    .s-missing,.m-dead{color:var(--soft)}
    summary{cursor:pointer;margin-bottom:6px}
    .grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(220px,1fr));gap:16px}
    figure{margin:0;min-width:0}figcaption{font-size:.8rem;color:var(--soft)}
    .axis{stroke:var(--line);fill:none}.band{fill:var(--band)}.limit{stroke:var(--good);\
    stroke-dasharray:4 3;fill:none}
    .all{stroke:var(--got);fill:none;stroke-width:1.5}.alone{stroke:var(--iso);fill:none;\
    stroke-width:1.5}
    .dot-all{fill:var(--got)}.dot-alone{fill:var(--iso)}.hit{fill:transparent}
    .bar{fill:var(--got)}.none{fill:var(--line)}
    .cell{stroke:var(--card);stroke-width:.5}
    """
}
