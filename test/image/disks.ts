/** Small disk images written by hand, as the formats' documents say. */
export const qcow2 = (
  change: {
    version?: number;
    virtualBytes?: bigint;
    backing?: boolean;
    incompatible?: bigint;
    clusterBits?: number;
    headerLength?: number;
  } = {},
): Uint8Array => {
  const bytes = Buffer.alloc(65536);
  bytes.write('QFI\xfb', 0, 'latin1');
  bytes.writeUInt32BE(change.version ?? 3, 4);
  if (change.backing) {
    bytes.writeBigUInt64BE(1024n, 8);
    bytes.writeUInt32BE(11, 16);
    bytes.write('/etc/passwd', 1024);
  }
  bytes.writeUInt32BE(change.clusterBits ?? 16, 20);
  bytes.writeBigUInt64BE(change.virtualBytes ?? 1_073_741_824n, 24);
  bytes.writeBigUInt64BE(change.incompatible ?? 0n, 72);
  bytes.writeUInt32BE(change.headerLength ?? 104, 100);
  return bytes;
};

export const vmdk = (
  description = '# Disk DescriptorFile\ncreateType="monolithicSparse"\nRW 2048 SPARSE "disk.vmdk"\n',
): Uint8Array => {
  const bytes = Buffer.alloc(65536);
  bytes.write('KDMV', 0);
  bytes.writeUInt32LE(1, 4);
  bytes.writeBigUInt64LE(2048n, 12);
  bytes.writeBigUInt64LE(1n, 28);
  bytes.writeBigUInt64LE(20n, 36);
  bytes.write(description, 512);
  return bytes;
};

export const vdi = (): Uint8Array => {
  const bytes = Buffer.alloc(4096);
  bytes.write('<<< Oracle VM VirtualBox Disk Image >>>\n', 0);
  bytes.writeUInt32LE(0xbeda107f, 0x40);
  bytes.writeBigUInt64LE(10_485_760n, 0x170);
  return bytes;
};

const vhdFooter = (): Buffer => {
  const footer = Buffer.alloc(512);
  footer.write('conectix', 0);
  footer.writeBigUInt64BE(5_242_880n, 48);
  return footer;
};
export const dynamicVhd = (): Uint8Array => Buffer.concat([vhdFooter(), Buffer.alloc(4096), vhdFooter()]);
/** Raw bytes with a footer behind them. */
export const fixedVhd = (): Uint8Array => Buffer.concat([Buffer.alloc(200_000), vhdFooter()]);

export const vhdx = (): Uint8Array => {
  const bytes = Buffer.alloc(4096);
  bytes.write('vhdxfile', 0);
  return bytes;
};

export const iso = (): Uint8Array => {
  const bytes = Buffer.alloc(40_960);
  bytes.write('\x01CD001', 0x8000, 'latin1');
  return bytes;
};
