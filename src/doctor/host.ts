// The host: processor, resource limits of the process, and restrictions by a container.

import { existsSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { fieldOf, kernelFile, sysctl } from './files.ts';
import type { Finding } from './finding.ts';

export function hostFindings(connections: number, workers: number): Finding[] {
  return [...processor(workers), ...limits(connections * workers), ...container(), ...network()];
}

function processor(workers: number): Finding[] {
  const area = 'processor';
  const text = kernelFile('/proc/cpuinfo');
  const flags = new Set((fieldOf(text, 'flags') ?? fieldOf(text, 'Features') ?? '').split(' '));
  const model = cpus()[0]?.model ?? 'unknown';
  const wide = ['vaes', 'vpclmulqdq', 'avx512f', 'avx2', 'sha_ni', 'sha2'].filter((flag) => flags.has(flag));
  const fast = flags.has('aes') && (flags.has('pclmulqdq') || flags.has('pmull'));
  const findings: Finding[] = [
    fast
      ? {
          area,
          severity: 'ok',
          found: `${model}: OpenSSL has instructions for AES-GCM (${['aes', ...wide].join(', ')})`,
        }
      : {
          area,
          severity: 'warn',
          found: `${model}: no AES instructions`,
          meaning: 'In userspace AES-GCM takes several times the CPU of ChaCha20-Poly1305 here.',
          remedy: 'prefer it: "tls": {"cipherSuites": "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"}',
        },
  ];
  const available = availableParallelism();
  if (workers > available) {
    findings.push({
      area,
      severity: 'warn',
      found: `${workers} workers for ${available} CPUs`,
      meaning: 'Workers that share a CPU wait for each other.',
      remedy: `set "workers": ${available}, or leave it out`,
    });
  }
  return findings;
}

function limits(connections: number): Finding[] {
  const area = 'limits';
  const text = kernelFile('/proc/self/limits') ?? '';
  const soft = /^Max open files\s+(\S+)/m.exec(text)?.[1] ?? '0';
  const files = soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
  // Each connection needs a socket; the rest is for files being sent.
  const needed = connections + 4096;
  const found = `${soft} open files at a time; limits.connections may take ${needed}`;
  const findings: Finding[] = [
    files >= needed
      ? { area, severity: 'ok', found }
      : {
          area,
          severity: 'warn',
          found,
          meaning: 'Beyond it new connections wait in the accept queue, where clients time out.',
          remedy: `run 'ulimit -n ${needed}' before, or set LimitNOFILE=${needed} in the systemd unit`,
        },
  ];
  const locked = /^Max locked memory\s+(\S+)/m.exec(text)?.[1] ?? '0';
  if (locked !== 'unlimited' && Number(locked) < 64 * 1024) {
    findings.push({
      area,
      severity: 'warn',
      found: `${locked} bytes of locked memory`,
      meaning: 'Keys cannot be kept from being swapped out.',
      remedy: 'set LimitMEMLOCK=1M in the systemd unit',
    });
  }
  const backlog = Number(sysctl('net.core.somaxconn') ?? '0');
  if (backlog < 1024) {
    findings.push({
      area,
      severity: 'warn',
      found: `net.core.somaxconn is ${backlog}`,
      meaning: 'A burst of new connections is dropped and retried a second later.',
      remedy: "run 'sysctl -w net.core.somaxconn=4096'",
    });
  }
  return findings;
}

function container(): Finding[] {
  const area = 'container';
  const inside = existsSync('/.dockerenv') || existsSync('/run/.containerenv');
  const memory = kernelFile('/sys/fs/cgroup/memory.max');
  const quota = kernelFile('/sys/fs/cgroup/cpu.max')?.split(' ');
  const seccomp = fieldOf(kernelFile('/proc/self/status'), 'Seccomp');
  const walls = [
    ...(inside ? ['in a container'] : []),
    ...(memory && memory !== 'max' && Number(memory) < totalmem() ? [`memory.max ${memory}`] : []),
    ...(quota?.[0] && quota[0] !== 'max' ? [`cpu.max ${quota.join(' ')}`] : []),
    ...(seccomp === '2' ? ['a seccomp filter'] : []),
  ];
  if (walls.length === 0) return [{ area, severity: 'ok', found: 'no limits of a container' }];
  const throttled = quota?.[0] !== undefined && quota[0] !== 'max';
  return [
    {
      area,
      severity: throttled ? 'warn' : 'info',
      found: walls.join(', '),
      ...(throttled && {
        meaning: 'A quota of CPU time stops all workers at once when it is used up: latency jumps.',
        remedy: 'give whole CPUs (cpuset) instead, and as many workers',
      }),
    },
  ];
}

function network(): Finding[] {
  const area = 'network';
  const control = sysctl('net.ipv4.tcp_congestion_control');
  const most = Number(sysctl('net.ipv4.tcp_wmem')?.split(/\s+/)[2] ?? 0);
  const findings: Finding[] = [
    { area, severity: 'info', found: `congestion control: ${control ?? 'unknown'}` },
  ];
  if (most > 0 && most < 1_000_000) {
    findings.push({
      area,
      severity: 'warn',
      found: `sockets may buffer ${most} bytes to send (net.ipv4.tcp_wmem)`,
      meaning: 'A client far away gets at most that much in a round trip.',
      remedy: 'run \'sysctl -w net.ipv4.tcp_wmem="4096 65536 6291456"\'',
    });
  }
  return findings;
}
