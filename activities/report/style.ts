/** The report's style sheet: one column on a phone, two on a desk; light and dark; printable. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --text: #1c2127; --soft: #5d6671; --line: #dde1e6; --ground: #ffffff; --panel: #f6f7f9; --accent: #2563c9;
  --good: #0f7f5f; --bad: #b3313f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e6e9ed; --soft: #9aa4b0; --line: #2f363f; --ground: #14171b; --panel: #1c2026; --accent: #6ea4f7;
    --good: #3ecf9f; --bad: #f07a86;
  }
}
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', sans-serif; color: var(--text); background: var(--ground); }
main { max-width: 68rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line); }
h3 { font-size: .95rem; margin: 1.25rem 0 .5rem; font-weight: 600; }
p { margin: .5rem 0; }
.soft { color: var(--soft); font-size: .87rem; }
.status { display: inline-block; padding: .1rem .6rem; border-radius: 1rem; font-size: .85rem; border: 1px solid currentColor; }
.status.Completed { color: var(--good); }
.status.Parked, .status.Failed, .status.Canceled { color: var(--bad); }
.cause { border-left: 3px solid var(--bad); background: var(--panel); padding: .6rem .9rem; margin: 1rem 0; overflow-wrap: anywhere; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem; margin: 1rem 0; }
.facts div { background: var(--panel); border-radius: .4rem; padding: .5rem .75rem; min-width: 0; overflow-wrap: anywhere; }
.facts dt { color: var(--soft); font-size: .8rem; }
.facts dd { margin: 0; font-variant-numeric: tabular-nums; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 1rem; }
figure { margin: 0; min-width: 0; }
figcaption { font-size: .9rem; font-weight: 600; margin-bottom: .35rem; }
figure svg { max-width: 100%; height: auto; display: block; }
.scroll { overflow-x: auto; }
td.name { white-space: nowrap; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .88rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 500; white-space: nowrap; }
td.number, th.number { text-align: right; white-space: nowrap; }
td.text { overflow-wrap: anywhere; min-width: 10rem; }
tr.best td { font-weight: 600; }
.thought { background: var(--panel); border-radius: .4rem; padding: .6rem .8rem; margin: .6rem 0; }
.thought blockquote { margin: .25rem 0 .5rem; padding-left: .7rem; border-left: 3px solid var(--line); white-space: pre-wrap; overflow-wrap: anywhere; }
.thought blockquote .context { color: var(--soft); }
.thought td.text { white-space: pre-wrap; }
.thought tr.selected td { color: var(--accent); }
.bar { display: inline-block; height: .55rem; background: currentColor; border-radius: .15rem; opacity: .65; min-width: 1px; }
pre { background: var(--panel); padding: .8rem; border-radius: .4rem; overflow-x: auto; font-size: .8rem; line-height: 1.4; }
details summary { cursor: pointer; margin: .4rem 0; }
@media print {
  body { font-size: 11px; }
  main { max-width: none; padding: 0; }
  figure, .thought, tr { break-inside: avoid; }
  .scroll, pre { overflow: visible; }
  pre { white-space: pre-wrap; }
}
`;
