import test from 'ava';
import { bytes, table } from '../../cli/output.ts';

test('table: columns are as wide as their widest cell, numbers stand on the right', (t) => {
  const rows = [
    { name: 'a', size: 5 },
    { name: 'longer', size: 1234 },
  ];
  t.is(
    table(rows, [
      { title: 'NAME', value: (row) => row.name },
      { title: 'SIZE', value: (row) => row.size, right: true },
    ]),
    'NAME    SIZE\na          5\nlonger  1234',
  );
});

test('table: a name with control characters cannot steer the terminal', (t) => {
  t.is(table([{ name: '\u001b[2Jgone' }], [{ title: 'NAME', value: (row) => row.name }]), 'NAME\n?[2Jgone');
});

test('bytes: units step at 1024', (t) => {
  t.deepEqual([0, 1023, 1024, 1536, 150 * 1024 ** 2].map(bytes), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 KiB',
    '150 MiB',
  ]);
});
