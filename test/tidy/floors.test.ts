import test from 'ava';
import { complaint, importsOf, nodeImportsOf, sourceFiles } from './floors.ts';

test('floors: every import points down', (t) => {
  t.deepEqual(sourceFiles().flatMap(importsOf).map(complaint).filter(Boolean), []);
});

test('floors: an import that points up or sideways is seen', (t) => {
  t.truthy(complaint({ from: 'agent/ring/layout.ts', to: 'agent/table/port.ts' }));
  t.truthy(complaint({ from: 'agent/store/lmdb.ts', to: 'agent/peer/port.ts' }));
  t.truthy(complaint({ from: 'cli/main.ts', to: 'agent/main.ts' }));
  t.falsy(complaint({ from: 'agent/table/rows.ts', to: 'agent/ring/port.ts' }));
});

test('floors: proto/ and the panel run in a browser, so they import nothing of node', (t) => {
  const browser = sourceFiles().filter(
    (file) => file.startsWith('proto/') || file.startsWith('agent/panel/page/'),
  );
  t.true(browser.length > 0);
  t.deepEqual(
    browser.flatMap((file) => nodeImportsOf(file).map((name) => `${file} imports ${name}`)),
    [],
  );
});
