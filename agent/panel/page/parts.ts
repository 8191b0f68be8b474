/** The few parts that all pages are made of. */
import { Refusal } from './call.ts';
import { type Children, html } from './html.ts';
import type { Live } from './live.ts';

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
export const bytes = (count: number): string => {
  const unit = Math.min(units.length - 1, count < 1 ? 0 : Math.floor(Math.log2(count) / 10));
  const value = count / 1024 ** unit;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
};

const today = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const earlier = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: 'numeric',
  minute: '2-digit',
});

/** Local time; the day only where it is not today, the year for whoever points at it. */
export const Time = ({ at }: { readonly at: Date }) => {
  const format = at.toDateString() === new Date().toDateString() ? today : earlier;
  return html`<time datetime=${at.toISOString()} title=${at.toLocaleString()}>${format.format(at)}</time>`;
};

const moods: Readonly<Record<string, readonly string[]>> = {
  good: ['alive', 'active', 'green', 'done', 'accepted', 'settled'],
  bad: ['dead', 'error', 'red', 'failed', 'refused', 'killed'],
  idle: ['left', 'draining', 'shutoff', 'queued', 'deactivated'],
};

/** A word with its colour; the word alone carries the meaning. */
export const State = ({ word }: { readonly word: string }) => {
  const [mood = 'between'] =
    Object.entries(moods).find(([, words]) => words.includes(word.toLowerCase())) ?? [];
  return html`<span class=${`state ${mood}`}>${word}</span>`;
};

interface MeterProps {
  readonly label: string;
  readonly used: number;
  readonly total: number;
  readonly text: string;
  /** Is being nearly full something to look at? */
  readonly scarce?: boolean;
}

export const Meter = ({ label, used, total, text, scarce = false }: MeterProps) =>
  html`<span class="meter">
    <meter min="0" max=${Math.max(total, 1)} high=${scarce ? total * 0.9 : undefined} value=${used} aria-label=${label}></meter>
    <small>${text}</small>
  </span>`;

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => Children;
  /** `number`: to the right. `short`: a word. `medium`: some words. Without, it shares the room that is left. */
  readonly kind?: 'number' | 'short' | 'medium' | 'buttons';
}

interface TableProps<Row> {
  readonly caption: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly rowKey: (row: Row) => string;
  /** What to do next when there is nothing. */
  readonly empty: Children;
}

/**
 * The first column names the row. On a phone each row becomes a card, whose cells show their column's title; the
 * roles keep it a table for those who listen, which the style would undo.
 */
export const Table = <Row>({ caption, rows, columns, rowKey, empty }: TableProps<Row>) =>
  rows.length === 0
    ? html`<p class="card empty">${empty}</p>`
    : html`<table role="table">
        <caption>${caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            ${columns.map(({ title, kind = '' }) => html`<th key=${title} role="columnheader" scope="col" class=${kind}>${title}</th>`)}
          </tr>
        </thead>
        <tbody role="rowgroup">
          ${rows.map(
            (row) => html`<tr key=${rowKey(row)} role="row">
              ${columns.map(({ title, kind = '', cell }) => html`<td key=${title} role="cell" data-title=${title} class=${kind}>${cell(row)}</td>`)}
            </tr>`,
          )}
        </tbody>
      </table>`;

/** That the host is away is said once, over the page. */
export const Problem = ({ error }: { readonly error: Error | undefined }) =>
  error && !(error instanceof Refusal && error.status === 0)
    ? html`<p class="problem" role="alert">${error.message}</p>`
    : null;

interface ShowProps<Value> {
  readonly live: Live<Value>;
  readonly children: (value: Value) => Children;
}

/** What every page does while its first answer is under way, and when one fails. */
export const Show = <Value>({ live, children }: ShowProps<Value>) => html`
  <${Problem} error=${live.error} />
  ${live.value === undefined ? (live.error ? null : html`<p class="waiting" aria-busy="true">Asking the cluster …</p>`) : children(live.value)}
`;

/** Names and their values, e.g. what is known of one server. */
export const Facts = ({
  facts,
}: {
  readonly facts: Readonly<Record<string, Children>>;
}) => html`<dl class="card facts">
  ${Object.entries(facts).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}
</dl>`;
