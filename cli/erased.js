// Erases the types of a source file once after each change of it and keeps what is left: one file a source, so that the
// folder does not grow with each release. Agents preload this, so it is JavaScript. Node's own eraser is a WebAssembly
// program that takes 20 MB for as long as the process lives; node's compile cache would spare an agent the eraser, but
// holds 15 MB of V8's code in memory and starts it no sooner.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

// In the user's own folder: what stands in a shared one might be somebody else's code.
const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'shoal', 'erased');

/** `end` names what was erased, and closes the file: another version, or one half written, is not taken for it. */
const find = (path, end) => {
  try {
    const kept = readFileSync(path, 'utf8');
    return kept.endsWith(end) ? kept : undefined;
  } catch {
    return undefined;
  }
};

const keep = (path, text) => {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, text, { mode: 0o600 });
    renameSync(draft, path);
  } catch {
    // A full or read-only disk: then it is erased again next time.
  }
};

const hash = (...parts) => {
  const sum = createHash('sha256');
  for (const part of parts) sum.update(part);
  return sum.digest('hex');
};

const erased = (url, source) => {
  const path = join(folder, `${hash(url)}.js`);
  const end = `\n// ${hash(process.version, source)}\n`;
  const found = find(path, end);
  if (found !== undefined) return found;
  const text = stripTypeScriptTypes(source) + end;
  keep(path, text);
  return text;
};

registerHooks({
  load(url, context, nextLoad) {
    if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context);
    return { format: 'module', source: erased(url, readFileSync(new URL(url), 'utf8')), shortCircuit: true };
  },
});
