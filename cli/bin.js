#!/usr/bin/env node
// The door to the command. Types are erased by Node itself from 24 on; an older node hands over to the one that
// the package brings.
import { spawn } from 'node:child_process';
import module, { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));

if (Number(process.versions.node.split('.')[0]) >= 24) {
  // Erased and compiled once, then read back: agents start in half the time and never load the type eraser (30 MB).
  // In the user's own folder: what stands in a shared one might be somebody else's code.
  process.env.NODE_COMPILE_CACHE ??= join(
    process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
    'shoal',
    'node',
  );
  module.enableCompileCache(process.env.NODE_COMPILE_CACHE);
  await import(main);
} else {
  const own = join(dirname(createRequire(import.meta.url).resolve('node/package.json')), 'bin', 'node');
  const child = spawn(own, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
}
