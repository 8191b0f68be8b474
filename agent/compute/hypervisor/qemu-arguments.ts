/** A machine as QEMU's command line. Pure. */
import type { MachineDefinition } from './port.ts';
import type { QemuPrograms } from './qemu-probe.ts';

/** Names inside a machine's folder. */
export const machineFiles = {
  definition: 'machine.json',
  disk: 'disk.qcow2',
  configDrive: 'config.iso',
  console: 'console.log',
  oldConsole: 'console.old.log',
  monitor: 'monitor.sock',
  pid: 'pid',
  /** What QEMU says, of the last start. */
  output: 'qemu.log',
} as const;

/** In option values a comma ends the value, a doubled one stands for itself. */
const quote = (value: string): string => value.replaceAll(',', ',,');

/**
 * Run in the machine's folder: a socket's path may be too long to be named in full. `-daemonize` (rejected) needs
 * to fork, which the sandbox forbids: an attacker who gets out of the guest into QEMU can start no program.
 */
export const qemuArguments = (
  programs: Pick<QemuPrograms, 'accel'>,
  machine: MachineDefinition,
  folder: string,
): string[] => [
  ...['-name', `guest=${machine.id}`, '-uuid', machine.id],
  ...['-machine', 'pc', '-accel', programs.accel === 'kvm' ? 'kvm' : 'tcg,tb-size=128'],
  ...['-cpu', programs.accel === 'kvm' ? 'host' : 'max'],
  ...['-smp', String(machine.vcpus), '-m', `${machine.memoryMiB}M`],
  ...['-nodefaults', '-no-user-config', '-display', 'none', '-vga', 'std'],
  // The guest's own power-off leaves the process in state "shutdown": so it is told from a process that vanished.
  '-no-shutdown',
  ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
  '-blockdev',
  `driver=qcow2,node-name=disk0,discard=unmap,file.driver=file,file.filename=${quote(`${folder}/${machineFiles.disk}`)}`,
  ...['-device', 'virtio-blk-pci,drive=disk0,bootindex=1'],
  ...(machine.hasConfigDrive
    ? [
        '-blockdev',
        `driver=raw,node-name=config0,read-only=on,file.driver=file,file.filename=${quote(`${folder}/${machineFiles.configDrive}`)}`,
        '-device',
        'ide-cd,drive=config0',
      ]
    : []),
  ...(machine.nic
    ? [
        '-netdev',
        `user,id=net0,hostname=${quote(machine.nic.hostName)}`,
        '-device',
        `virtio-net-pci,netdev=net0,mac=${machine.nic.macAddress},romfile=`,
      ]
    : []),
  ...['-device', 'virtio-rng-pci'],
  // Append: so the file may be cut while QEMU has it open.
  ...['-chardev', `file,id=console0,path=${machineFiles.console},append=on`, '-serial', 'chardev:console0'],
  ...['-qmp', `unix:${machineFiles.monitor},server=on,wait=off`],
  ...['-pidfile', machineFiles.pid],
];
