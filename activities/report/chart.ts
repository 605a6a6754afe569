import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { escapeHtml, trusted, type Html } from './html.ts';

/** Colours of series, readable on white and on near-black alike. */
export const COLOURS = [
  '#3b82f6',
  '#ea8a1f',
  '#10a37f',
  '#d94f70',
  '#8b6cf0',
  '#8a8f98',
  '#b7791f',
  '#0ea5b7',
] as const;

/** What all charts have in common: the page's own text colour, so that they follow light and dark. */
const CONFIG = {
  background: 'transparent',
  font: 'system-ui, sans-serif',
  view: { stroke: 'transparent' },
  axis: {
    labelColor: 'currentColor',
    titleColor: 'currentColor',
    domainColor: 'currentColor',
    tickColor: 'currentColor',
    gridColor: 'currentColor',
    domainOpacity: 0.4,
    tickOpacity: 0.4,
    gridOpacity: 0.12,
    labelFontSize: 11,
    titleFontSize: 11,
    titleFontWeight: 'normal',
  },
  legend: {
    labelColor: 'currentColor',
    titleColor: 'currentColor',
    labelFontSize: 11,
    orient: 'bottom',
    title: null,
    columns: 4,
    symbolOpacity: 1,
  },
  header: { labelColor: 'currentColor', titleColor: 'currentColor' },
  range: { category: [...COLOURS] },
};

/** Size of a chart, pixels: one column of a phone. */
export const CHART = { width: 300, height: 200 } as const;

/**
 * Renders a Vega-Lite chart to SVG markup, without a browser.
 *
 * @param label what the chart shows, for those who do not see it
 * @throws Vega's error for a specification that is none
 */
export async function renderChart(spec: TopLevelSpec, label: string): Promise<Html> {
  const { spec: vega } = compile({ ...spec, config: { ...CONFIG, ...(spec.config ?? {}) } } as TopLevelSpec);
  const view = new View(parse(vega), { renderer: 'none' });
  try {
    const svg = await view.toSVG();
    // Vega writes a doctype-free <svg …>; the label makes it an image with a name.
    return trusted(svg.replace('<svg ', () => `<svg role="img" aria-label="${escapeHtml(label)}" `));
  } finally {
    view.finalize();
  }
}
