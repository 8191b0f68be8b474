/**
 * An ISO 9660 image (ECMA-119) with Joliet names, enough for a config drive: a few files in a few folders.
 *
 *   sector  16 primary descriptor · 17 Joliet descriptor · 18 end
 *           19, 20 path tables, primary, little and big endian · 21, 22 the same, Joliet
 *           folders, primary · folders, Joliet · files, shared by both trees
 *
 * Joliet alone (rejected: Rock Ridge) because Linux and Windows both read it, and it needs no further fields.
 */
const sectorBytes = 2048;
/**
 * Empty sectors at the end, as mkisofs adds them: readers ahead of what they need, and programs that look for file
 * systems which have their mark far from the start (busybox's findfs), give up on a smaller disk.
 */
const paddingSectors = 150;
/** Of a folder record before its name. */
const recordBytes = 33;

export interface IsoFile {
  /** With slashes; its folders come into being by it. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

interface Node {
  readonly name: string;
  readonly parent: Folder | undefined;
}
interface Folder extends Node {
  readonly folders: Folder[];
  readonly files: (Node & { readonly bytes: Uint8Array })[];
}

const sectors = (bytes: number): number => Math.ceil(bytes / sectorBytes);

/** One of the two views on the tree: how names look, and where each folder lies. */
interface Tree {
  encode(name: string, isFile: boolean): Buffer;
  readonly at: Map<Folder, number>;
}

const utf16be = (name: string): Buffer => Buffer.from(name, 'utf16le').swap16();
const primaryName = (name: string, isFile: boolean): Buffer =>
  Buffer.from(
    name.toUpperCase().replace(/[^A-Z0-9_.]/g, '_') + (isFile ? (name.includes('.') ? ';1' : '.;1') : ''),
  );

const both16 = (out: Buffer, value: number, offset: number): void => {
  out.writeUInt16LE(value, offset);
  out.writeUInt16BE(value, offset + 2);
};
const both32 = (out: Buffer, value: number, offset: number): void => {
  out.writeUInt32LE(value, offset);
  out.writeUInt32BE(value, offset + 4);
};

const folderRecord = (name: Buffer, sector: number, length: number, isFolder: boolean, at: Date): Buffer => {
  const out = Buffer.alloc(recordBytes + name.length + ((name.length + 1) % 2));
  out[0] = out.length;
  both32(out, sector, 2);
  both32(out, length, 10);
  out.set(
    [
      at.getUTCFullYear() - 1900,
      at.getUTCMonth() + 1,
      at.getUTCDate(),
      at.getUTCHours(),
      at.getUTCMinutes(),
      at.getUTCSeconds(),
    ],
    18,
  );
  out[25] = isFolder ? 2 : 0;
  both16(out, 1, 28);
  out[32] = name.length;
  name.copy(out, recordBytes);
  return out;
};

const grow = (files: readonly IsoFile[]): Folder => {
  const root: Folder = { name: '\0', parent: undefined, folders: [], files: [] };
  for (const { path, bytes } of files) {
    const names = path.split('/');
    const last = names.pop() ?? '';
    let folder = root;
    for (const name of names) {
      const parent: Folder = folder;
      const found = parent.folders.find((child) => child.name === name);
      folder = found ?? { name, parent, folders: [], files: [] };
      if (!found) parent.folders.push(folder);
    }
    folder.files.push({ name: last, parent: folder, bytes });
  }
  return root;
};

/** Breadth first, as path tables want it; children in the order of their names. */
const walk = (root: Folder): readonly Folder[] => {
  const all = [root];
  for (const folder of all) {
    folder.folders.sort((a, b) => (a.name < b.name ? -1 : 1));
    folder.files.sort((a, b) => (a.name < b.name ? -1 : 1));
    all.push(...folder.folders);
  }
  return all;
};

/** A record never crosses the end of a sector. */
const packRecords = (records: readonly Buffer[]): Buffer => {
  const parts: Buffer[] = [];
  let length = 0;
  for (const record of records) {
    const left = sectorBytes - (length % sectorBytes);
    const gap = record.length > left ? left : 0;
    parts.push(Buffer.alloc(gap), record);
    length += gap + record.length;
  }
  return Buffer.concat([...parts, Buffer.alloc((sectorBytes - (length % sectorBytes)) % sectorBytes)]);
};

export const buildIso = (label: string, files: readonly IsoFile[], atMs: number): Uint8Array => {
  const at = new Date(atMs);
  const folders = walk(grow(files));
  const trees: readonly Tree[] = [
    { encode: primaryName, at: new Map() },
    { encode: utf16be, at: new Map() },
  ];
  const fileAt = new Map<Node, number>();

  /** Sizes do not depend on places, so places may be unknown (0) in the first pass. */
  const renderFolder = (tree: Tree, folder: Folder, lengthOf: (folder: Folder) => number): Buffer => {
    const link = (target: Folder, name: Buffer): Buffer =>
      folderRecord(name, tree.at.get(target) ?? 0, lengthOf(target), true, at);
    const children = [
      ...folder.folders.map((child) => ({
        key: child.name,
        record: link(child, tree.encode(child.name, false)),
      })),
      ...folder.files.map((file) => ({
        key: file.name,
        record: folderRecord(
          tree.encode(file.name, true),
          fileAt.get(file) ?? 0,
          file.bytes.length,
          false,
          at,
        ),
      })),
    ].sort((a, b) => (a.key < b.key ? -1 : 1));
    return packRecords([
      link(folder, Buffer.from([0])),
      link(folder.parent ?? folder, Buffer.from([1])),
      ...children.map((child) => child.record),
    ]);
  };
  const lengths = new Map(
    trees.map((tree) => [
      tree,
      new Map(folders.map((folder) => [folder, renderFolder(tree, folder, () => 0).length])),
    ]),
  );
  const lengthIn = (tree: Tree) => (folder: Folder) => lengths.get(tree)?.get(folder) ?? 0;

  let next = 23;
  for (const tree of trees)
    for (const folder of folders) {
      tree.at.set(folder, next);
      next += sectors(lengthIn(tree)(folder));
    }
  for (const folder of folders)
    for (const file of folder.files) {
      fileAt.set(file, next);
      next += sectors(file.bytes.length);
    }

  next += paddingSectors;
  const image = Buffer.alloc(next * sectorBytes);
  const put = (bytes: Uint8Array, sector: number): void => image.set(bytes, sector * sectorBytes);
  trees.forEach((tree, order) => {
    const tables = pathTables(tree, folders);
    put(tables.little, 19 + 2 * order);
    put(tables.big, 20 + 2 * order);
    for (const folder of folders) put(renderFolder(tree, folder, lengthIn(tree)), tree.at.get(folder) ?? 0);
    const root = folders[0] as Folder;
    const record = folderRecord(Buffer.from([0]), tree.at.get(root) ?? 0, lengthIn(tree)(root), true, at);
    put(descriptor(label, order === 1, next, tables.little.length, 19 + 2 * order, record, at), 16 + order);
  });
  put(Buffer.concat([Buffer.from([255]), Buffer.from('CD001'), Buffer.from([1])]), 18);
  for (const [file, sector] of fileAt) put((file as Folder['files'][number]).bytes, sector);
  return new Uint8Array(image);
};

const pathTables = (tree: Tree, folders: readonly Folder[]) => {
  const entries = folders.map((folder) => {
    const name = folder.parent ? tree.encode(folder.name, false) : Buffer.from([0]);
    const parent = folder.parent ? folders.indexOf(folder.parent) + 1 : 1;
    const little = Buffer.alloc(8 + name.length + (name.length % 2));
    little[0] = name.length;
    name.copy(little, 8);
    const big = Buffer.from(little);
    little.writeUInt32LE(tree.at.get(folder) ?? 0, 2);
    little.writeUInt16LE(parent, 6);
    big.writeUInt32BE(tree.at.get(folder) ?? 0, 2);
    big.writeUInt16BE(parent, 6);
    return { little, big };
  });
  return {
    little: Buffer.concat(entries.map((entry) => entry.little)),
    big: Buffer.concat(entries.map((entry) => entry.big)),
  };
};

const descriptor = (
  label: string,
  isJoliet: boolean,
  totalSectors: number,
  tableBytes: number,
  tableSector: number,
  root: Buffer,
  at: Date,
): Buffer => {
  const out = Buffer.alloc(sectorBytes);
  const text = (value: string, offset: number, length: number): void => {
    const padded = isJoliet ? utf16be(value.padEnd(length / 2)) : Buffer.from(value.padEnd(length));
    padded.copy(out, offset, 0, length);
  };
  out[0] = isJoliet ? 2 : 1;
  out.write('CD001', 1);
  out[6] = 1;
  text('', 8, 32);
  text(label, 40, 32);
  both32(out, totalSectors, 80);
  if (isJoliet) out.write('%/E', 88);
  both16(out, 1, 120);
  both16(out, 1, 124);
  both16(out, sectorBytes, 128);
  both32(out, tableBytes, 132);
  out.writeUInt32LE(tableSector, 140);
  out.writeUInt32BE(tableSector + 1, 148);
  root.copy(out, 156);
  for (const [offset, length] of [
    [190, 128],
    [318, 128],
    [446, 128],
    [574, 128],
    [702, 36],
    [740, 36],
    [776, 36],
  ] as const)
    text('', offset, length);
  const stamp = `${at.toISOString().replace(/\D/g, '').slice(0, 16)}`;
  for (const offset of [813, 830]) out.write(stamp, offset);
  for (const offset of [847, 864]) out.write('0'.repeat(16), offset);
  out[881] = 1;
  return out;
};
