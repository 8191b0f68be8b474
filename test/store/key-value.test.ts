import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import type { KeyValue } from '../../agent/store/key-value.ts';
import { openKeyValue } from '../../agent/store/lmdb-key-value.ts';
import { memoryKeyValue } from '../../agent/store/memory-key-value.ts';
import { sub } from '../../agent/store/namespace.ts';
import { conformKeyValue } from '../conform/key-value.ts';

const folder = async (t: ExecutionContext): Promise<string> => {
  const path = await mkdtemp(join(tmpdir(), 'shoal-store-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
};
const writerPath = fileURLToPath(new URL('./endless-writer.ts', import.meta.url));
const openLmdb = async (t: ExecutionContext): Promise<KeyValue> => {
  const store = openKeyValue({ directory: join(await folder(t), 'rows') });
  t.teardown(() => store.close());
  return store;
};

conformKeyValue(test, 'lmdb', openLmdb);
conformKeyValue(test, 'memory', memoryKeyValue);
conformKeyValue(test, 'namespace', async () => {
  const whole = memoryKeyValue();
  await whole.transact((writer) => {
    for (const foreign of ['owm/a', 'own', 'own.', 'own0', 'p'])
      writer.put(new TextEncoder().encode(foreign), Uint8Array.of(1));
  });
  return { ...sub(whole, 'own'), close: whole.close };
});

test('lmdb: what was acknowledged is there after kill -9', async (t) => {
  const directory = join(await folder(t), 'rows');
  const writer = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', writerPath, directory]);
  let acknowledged = 0;
  for await (const line of createInterface({ input: writer.stdout })) {
    acknowledged = Number(line);
    if (acknowledged === 200) writer.kill('SIGKILL');
  }
  t.true(acknowledged >= 200);
  const store = openKeyValue({ directory });
  t.teardown(() => store.close());
  const found = [...store.range({})].length;
  t.true(found >= acknowledged, `${acknowledged} acknowledged, ${found} found`);
});

test('lmdb: every acknowledged group has been through fdatasync', async (t) => {
  const directory = join(await folder(t), 'rows');
  if (spawnSync('strace', ['-V']).status !== 0) {
    t.pass('strace is not installed here');
    return;
  }
  // A slow disk tells the two apart: an answer that does not wait for it overtakes it.
  const { stderr } = spawnSync(
    'strace',
    [
      ...['-f', '-e', 'trace=openat,fdatasync,write,pwrite64,pwritev,writev'],
      ...['-e', 'inject=fdatasync:delay_enter=20000'],
      ...[process.execPath, '--disable-warning=ExperimentalWarning', writerPath, directory, '20'],
    ],
    { encoding: 'utf8' },
  );
  const files = new Set([...stderr.matchAll(/openat\(.*data\.mdb".* = (\d+)/g)].map(([, file]) => file));
  // The meta page goes through a descriptor of its own, on which each write is synced by itself.
  const [, metaFile] = /openat\(.*data\.mdb".*O_DSYNC.* = (\d+)/.exec(stderr) ?? [];
  let [unsynced, written, acknowledged] = [false, false, 0];
  for (const line of stderr.split('\n')) {
    const [, file] = /p?writev?(?:64)?\((\d+),/.exec(line) ?? [];
    if (file === metaFile) written = true;
    else if (files.has(file)) unsynced = true;
    if (/fdatasync(\(| resumed)/.test(line) && / = 0\b/.test(line)) unsynced = false;
    if (!/write\(1, "\d+\\n"/.test(line)) continue;
    t.true(written && !unsynced, `a page that no fsync has followed, before ${line}`);
    [written, acknowledged] = [false, acknowledged + 1];
  }
  t.is(acknowledged, 20);
});

test('lmdb: a full disk is refused as DISK_FULL and the store goes on', async (t) => {
  const small = await folder(t);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', small]);
  if (mounted.status !== 0) {
    t.pass('only root may mount a small disk');
    return;
  }
  const store = openKeyValue({ directory: join(small, 'rows') });
  try {
    const key = (index: number): Uint8Array => new TextEncoder().encode(`row-${index}`);
    let stored = 0;
    const fill = async (): Promise<void> => {
      for (; stored < 100; stored++)
        await store.transact((writer) => writer.put(key(stored), new Uint8Array(200_000)));
    };
    await t.throwsAsync(fill(), { code: 'DISK_FULL' });
    t.true(stored > 10, 'there was room for some');
    t.is(store.get(key(stored)), undefined, 'what was refused is not there');
    t.is([...store.range({})].length, stored, 'what was acknowledged is');
    await store.transact((writer) => writer.delete(key(0)));
    await store.transact((writer) => writer.put(key(0), Uint8Array.of(1)));
    t.is(store.get(key(0))?.length, 1, 'deleting makes room again');
  } finally {
    await store.close();
    spawnSync('umount', [small]);
  }
});
