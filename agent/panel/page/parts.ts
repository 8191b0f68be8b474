/** The few parts that all pages are made of. */
import { type Children, html } from './html.ts';
import type { Live } from './live.ts';

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
export const bytes = (count: number): string => {
  const unit = Math.min(units.length - 1, count < 1 ? 0 : Math.floor(Math.log2(count) / 10));
  const value = count / 1024 ** unit;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
};

const good = new Set(['alive', 'active', 'green', 'done', 'accepted', 'settled']);
const bad = new Set(['dead', 'error', 'red', 'failed', 'refused']);

/** A word with its colour; the word alone carries the meaning. */
export const State = ({ word }: { readonly word: string }) => {
  const low = word.toLowerCase();
  return html`<span class=${`state ${good.has(low) ? 'good' : bad.has(low) ? 'bad' : 'between'}`}>${word}</span>`;
};

export const Meter = ({
  label,
  used,
  total,
  text,
}: {
  readonly label: string;
  readonly used: number;
  readonly total: number;
  readonly text: string;
}) =>
  html`<span class="meter">
    <meter min="0" max=${Math.max(total, 1)} high=${total * 0.9} value=${used} aria-label=${label}></meter>
    <span>${text}</span>
  </span>`;

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => Children;
  readonly right?: boolean;
}

interface TableProps<Row> {
  readonly caption: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly rowKey: (row: Row) => string;
  readonly empty: string;
}

/** On a phone each row becomes a card: the cells then show their column's title. */
export const Table = <Row>({ caption, rows, columns, rowKey, empty }: TableProps<Row>) =>
  rows.length === 0
    ? html`<p class="empty">${empty}</p>`
    : html`<table>
        <caption>
          ${caption}
        </caption>
        <thead>
          <tr>
            ${columns.map((column) => html`<th scope="col" class=${column.right ? 'right' : ''}>${column.title}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (row) =>
              html`<tr key=${rowKey(row)}>
                ${columns.map((column) => html`<td data-title=${column.title} class=${column.right ? 'right' : ''}>${column.cell(row)}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>`;

export const Problem = ({ error }: { readonly error: Error | undefined }) =>
  error ? html`<p class="problem" role="alert">${error.message}</p>` : null;

/** What every page does while its first answer is under way, and when one fails. */
export const Show = <Value>({
  live,
  children,
}: {
  readonly live: Live<Value>;
  readonly children: (value: Value) => Children;
}) => html`
  <${Problem} error=${live.error} />
  ${live.value === undefined ? (live.error ? null : html`<p class="empty" aria-busy="true">Asking the cluster …</p>`) : children(live.value)}
`;
