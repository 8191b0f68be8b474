/** What the command prints: tables for people, JSON for programs. Nothing else goes to standard output. */
export type Format = 'table' | 'json';

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string | number | null | undefined;
  /** Numbers read better from the right. */
  readonly right?: boolean;
}

const control = /\p{Cc}/gu;

/** A cell holds what the cloud's users typed: control characters must not reach the terminal. */
const cell = (value: string | number | null | undefined): string =>
  String(value ?? '-').replace(control, '?');

export const table = <Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string => {
  const cells = rows.map((row) => columns.map((column) => cell(column.value(row))));
  const widths = columns.map((column, at) =>
    Math.max(column.title.length, ...cells.map((line) => line[at]?.length ?? 0)),
  );
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, at) => (columns[at]?.right ? text.padStart(widths[at] ?? 0) : text.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd();
  return [line(columns.map((column) => column.title)), ...cells.map(line)].join('\n');
};

export const printList = <Row>(format: Format, rows: readonly Row[], columns: readonly Column<Row>[]): void =>
  void process.stdout.write(`${format === 'json' ? JSON.stringify(rows, null, 2) : table(rows, columns)}\n`);

/** One thing: a name and value a line. */
export const printOne = (format: Format, thing: Readonly<Record<string, unknown>>): void => {
  if (format === 'json') return void process.stdout.write(`${JSON.stringify(thing, null, 2)}\n`);
  const rows = Object.entries(thing).map(([name, value]) => ({
    name,
    value: typeof value === 'object' ? JSON.stringify(value) : String(value),
  }));
  process.stdout.write(
    `${table(rows, [
      { title: 'FIELD', value: (row) => row.name },
      { title: 'VALUE', value: (row) => row.value },
    ])}\n`,
  );
};

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
export const bytes = (count: number): string => {
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
};

export const duration = (seconds: number): string =>
  seconds < 120 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
