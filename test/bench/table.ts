/** Columns for people: text to the left, numbers to the right. */
export const printTable = (
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): void => {
  const cells = [head, ...rows.map((row) => row.map(String))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const isNumber = head.map((_, column) => rows.every((row) => typeof row[column] === 'number'));
  for (const row of cells)
    console.log(
      row
        .map((cell, column) =>
          isNumber[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    );
};

/** Three digits that mean something. */
export const round = (value: number): number => Number(value.toPrecision(3));
