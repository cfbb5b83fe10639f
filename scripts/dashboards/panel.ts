// Grafana's dashboards as data: panels in rows, each with what it asks Prometheus. What all of them
// have in common is said here once.
//
// https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/

/** Of Grafana 12; newer ones bring it up to their own. */
const SCHEMA_VERSION = 41;
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' } as const;
/** Of a row of panels; the grid has this many columns. */
const COLUMNS = 24;
const HEIGHT = 8;

export type Query = { readonly expression: string; readonly legend: string };

export type Panel = {
  readonly title: string;
  /** What it shows, and what it does not. */
  readonly about: string;
  readonly kind: 'timeseries' | 'stat' | 'table';
  /** Grafana's: `Bps`, `reqps`, `ms`, `percentunit`, `s`, `short`, `dateTimeAsIso`. */
  readonly unit: string;
  readonly queries: readonly Query[];
};

export type Row = { readonly title: string; readonly panels: readonly Panel[] };

/** A choice that the reader has, out of what there is. */
export type Variable = {
  readonly name: string;
  readonly label: string;
  /** Grafana's: `label_values(metric, label)`. */
  readonly query: string;
  /** Of `query_result(…)`: the label whose values are the choice. */
  readonly ofLabel?: string;
  /** Several, and all at first. */
  readonly isMany?: boolean;
};

export type Dashboard = {
  readonly uid: string;
  readonly title: string;
  readonly about: string;
  readonly variables: readonly Variable[];
  readonly rows: readonly Row[];
};

export const query = (expression: string, legend = ''): Query => ({ expression, legend });

export function renderDashboard(dashboard: Dashboard): string {
  const { uid, title, about, variables, rows } = dashboard;
  const json = {
    annotations: { list: [] },
    description: about,
    editable: true,
    graphTooltip: 1,
    links: [],
    panels: panelsOf(rows),
    refresh: '15s',
    schemaVersion: SCHEMA_VERSION,
    tags: ['isthmus'],
    templating: { list: [DATASOURCE_VARIABLE, ...variables.map(renderVariable)] },
    time: { from: 'now-15m', to: 'now' },
    timezone: '',
    title,
    uid,
  };
  return `${JSON.stringify(json, undefined, 2)}\n`;
}

const DATASOURCE_VARIABLE = {
  name: 'datasource',
  label: 'Data source',
  type: 'datasource',
  query: 'prometheus',
};

const renderVariable = ({ name, label, query, ofLabel, isMany = false }: Variable): object => ({
  name,
  label,
  type: 'query',
  datasource: DATASOURCE,
  query: { query, refId: 'variable' },
  refresh: 2,
  sort: 1,
  ...(ofLabel !== undefined && { regex: `/${ofLabel}="([^"]+)"/` }),
  ...(isMany && { multi: true, includeAll: true, allValue: '.*' }),
});

function panelsOf(rows: readonly Row[]): readonly object[] {
  const panels: object[] = [];
  let y = 0;
  for (const row of rows) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title: row.title,
      collapsed: false,
      gridPos: { x: 0, y, w: COLUMNS, h: 1 },
      panels: [],
    });
    y += 1;
    const width = Math.floor(COLUMNS / row.panels.length);
    for (const [index, panel] of row.panels.entries()) {
      const gridPos = { x: index * width, y, w: width, h: HEIGHT };
      panels.push({ id: panels.length + 1, gridPos, ...renderPanel(panel) });
    }
    y += HEIGHT;
  }
  return panels;
}

const renderPanel = ({ title, about, kind, unit, queries }: Panel): object => ({
  type: kind,
  title,
  description: about,
  datasource: DATASOURCE,
  fieldConfig: { defaults: { unit, min: unit === 'dateTimeAsIso' ? undefined : 0 }, overrides: [] },
  options:
    kind === 'timeseries'
      ? { legend: { displayMode: 'table', placement: 'bottom', calcs: ['lastNotNull', 'max'] } }
      : {},
  targets: queries.map(({ expression, legend }, index) => ({
    refId: String.fromCodePoint(65 + index), // A, B, …
    datasource: DATASOURCE,
    expr: expression,
    legendFormat: legend,
    ...(kind === 'table' && { format: 'table' }),
    ...(kind !== 'timeseries' && { instant: true }),
  })),
});
