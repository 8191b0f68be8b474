import test from 'ava';
import { behindFolder, type WalkOptions, walk } from '../../agent/object/walk.ts';
import type { TableRange } from '../../agent/table/port.ts';
import { fakeTables } from '../fake/tables.ts';

const walkOver = async (names: readonly string[], options: WalkOptions) => {
  const rows = fakeTables().rows<{ name: string }>({ name: 'object' });
  for (const name of names) await rows.put('c', name, { name });
  const asked: TableRange[] = [];
  const steps: string[] = [];
  for await (const step of walk((range) => {
    asked.push(range);
    return rows.range('c', range);
  }, options))
    steps.push(step.kind === 'folder' ? `<${step.name}>` : step.name);
  return { steps, asked };
};

const names = ['a', 'b/1', 'b/2', 'b/c/3', 'b0', 'c/', 'c/1', 'd'];

test('walk: names come in byte order, with folders as one step', async (t) => {
  t.deepEqual((await walkOver(names, {})).steps, names);
  t.deepEqual((await walkOver(names, { delimiter: '/' })).steps, ['a', '<b/>', 'b0', '<c/>', 'd']);
  t.deepEqual((await walkOver(names, { delimiter: '/', prefix: 'b/' })).steps, ['b/1', 'b/2', '<b/c/>']);
  t.deepEqual((await walkOver(names, { delimiter: '/', reverse: true })).steps, [
    'd',
    '<c/>',
    'b0',
    '<b/>',
    'a',
  ]);
  t.deepEqual((await walkOver(names, { delimiter: '/', prefix: 'b' })).steps, ['<b/>', 'b0']);
});

test('walk: marker and end marker bound it in the direction of the walk', async (t) => {
  t.deepEqual((await walkOver(names, { marker: 'b/1', endMarker: 'c/' })).steps, ['b/2', 'b/c/3', 'b0']);
  t.deepEqual((await walkOver(names, { marker: 'c/', endMarker: 'b/1', reverse: true })).steps, [
    'b0',
    'b/c/3',
    'b/2',
  ]);
});

test('walk: a folder given as marker is not shown a second time', async (t) => {
  t.deepEqual((await walkOver(names, { delimiter: '/', marker: 'b/' })).steps, ['b0', '<c/>', 'd']);
  t.deepEqual((await walkOver(names, { delimiter: '/', marker: 'c/', reverse: true })).steps, [
    'b0',
    '<b/>',
    'a',
  ]);
});

test('walk: path shows the names of one folder and no folders', async (t) => {
  const tree = ['top', 'x/', 'x/1', 'x/2', 'x/sub/', 'x/sub/3', 'y'];
  t.deepEqual((await walkOver(tree, { path: 'x' })).steps, ['x/1', 'x/2', 'x/sub/']);
  t.deepEqual((await walkOver(tree, { path: '' })).steps, ['top', 'x/', 'y']);
});

test('walk: a delimiter of several characters cuts after all of them', async (t) => {
  t.deepEqual((await walkOver(['a::1', 'a::2', 'a:3'], { delimiter: '::' })).steps, ['a:3', '<a::>']);
});

test('walk: a folder of thousands of names costs two pages, whatever lies in it', async (t) => {
  const many = Array.from({ length: 3000 }, (_, at) => `big/${String(at).padStart(5, '0')}`);
  const forward = await walkOver(['a', ...many, 'big0', 'z'], { delimiter: '/' });
  t.deepEqual(forward.steps, ['a', '<big/>', 'big0', 'z']);
  t.is(forward.asked.length, 2);
  const back = await walkOver(['a', ...many, 'big0', 'z'], { delimiter: '/', reverse: true });
  t.deepEqual(back.steps, ['z', 'big0', '<big/>', 'a']);
  t.is(back.asked.length, 2);
});

test('walk: no name of a folder sorts behind its end, even the largest', (t) => {
  const largest = `f/${'\u{10FFFF}'.repeat(255)}`;
  const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
  t.true(compare(largest, behindFolder('f/')) <= 0);
  t.true(compare('f0', behindFolder('f/')) > 0);
  t.true(Buffer.byteLength(behindFolder('f/')) < 1900);
});
