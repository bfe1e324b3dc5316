// The kernel: whether it has kernel TLS, and which ciphers work. Each combination is tried with real
// records.

import { release } from 'node:os';
import { addon, type KtlsCapability } from '../native/addon.ts';
import { fieldOf, kernelFile, sysctl } from './files.ts';
import type { Finding } from './finding.ts';
import { cryptoFindings } from './kernel_crypto.ts';

const area = 'kernel TLS';

export function kernelFindings(mode: 'auto' | 'off' | 'require'): Finding[] {
  const matrix = addon.probeKtls();
  // The same condition as in checkKtls(), which decides whether the server starts.
  const works = matrix.some((each) => each.works && each.direction === 'tx');
  const findings: Finding[] = [{ area, severity: 'info', found: `Linux ${release()}` }];
  if (!works) findings.push(missing(matrix, mode));
  else
    findings.push(
      ...matrix.filter(({ direction }) => direction === 'tx').map((tx) => combination(tx, matrix)),
    );
  if (works) findings.push(rekeying(matrix), ...cryptoFindings(matrix));
  const multipath = sysctl('net.mptcp.enabled');
  if (works && multipath === '1') {
    findings.push({
      area,
      severity: 'info',
      found: 'Multipath TCP is enabled (net.mptcp.enabled = 1)',
      meaning:
        'A Multipath TCP socket cannot have kernel TLS. Sealgate opens plain TCP sockets, so it ' +
        'matters only ' +
        'when a wrapper (mptcpize) turns them into others.',
    });
  }
  return findings;
}

function missing(matrix: KtlsCapability[], mode: 'auto' | 'off' | 'require'): Finding {
  const ulps = sysctl('net.ipv4.tcp_available_ulp');
  const failure = matrix.find(({ works }) => !works)?.failure ?? 'nothing could be tried';
  return {
    area,
    severity: mode === 'require' ? 'fail' : 'warn',
    found: `none: ${failure}; protocols above TCP are: ${ulps || 'none'}`,
    ...(mode === 'require'
      ? {
          meaning: 'ktls.mode is "require", so the server refuses to start.',
          remedy: `${remedyForNone()}; or set "ktls": {"mode": "auto"}, which does without`,
        }
      : {
          meaning: 'All TLS is in userspace. That works, and on many hosts it is no slower.',
          remedy: remedyForNone(),
        }),
  };
}

function remedyForNone(): string {
  const modules = kernelFile(`/lib/modules/${release()}/modules.dep`) ?? '';
  const builtIn = kernelFile(`/lib/modules/${release()}/modules.builtin`) ?? '';
  if (/net\/tls\/tls\.ko/.test(modules)) {
    const admin = hasCapability(12)
      ? ''
      : ' (as root: without CAP_NET_ADMIN the module is not loaded on demand)';
    return `run 'modprobe tls'${admin}, and 'echo tls > /etc/modules-load.d/tls.conf' to keep it`;
  }
  if (/net\/tls\/tls\.ko/.test(builtIn))
    return 'it is built in, but not to be had from within this container';
  return 'it takes a kernel with CONFIG_TLS; "ktls": {"mode": "off"} says that none is expected';
}

/** Whether the process has the capability as an effective one (capabilities(7)). */
function hasCapability(bit: number): boolean {
  const effective = fieldOf(kernelFile('/proc/self/status'), 'CapEff') ?? '0';
  return ((BigInt(`0x${effective}`) >> BigInt(bit)) & 1n) === 1n;
}

function combination(tx: KtlsCapability, matrix: KtlsCapability[]): Finding {
  const { protocol, cipher } = tx;
  const rx = matrix.find(
    (each) => each.direction === 'rx' && each.protocol === protocol && each.cipher === cipher,
  );
  const resultOf = (each: KtlsCapability | undefined) =>
    each?.works ? 'works' : (each?.failure ?? 'not tried');
  const rekeys = tx.rekeys && rx?.rekeys ? ', rekeys' : '';
  const found = `${protocol} ${cipher}: sending ${resultOf(tx)}, receiving ${resultOf(rx)}${rekeys}`;
  if (tx.works && rx?.works) return { area, severity: 'ok', found };
  return {
    area,
    severity: 'info',
    found,
    meaning: 'Connections with it stay in userspace TLS.',
    ...(cipher === 'ChaCha20-Poly1305' && {
      remedy: "run 'modprobe -a chacha20poly1305': the kernel does not load the cipher by itself",
    }),
  };
}

function rekeying(matrix: KtlsCapability[]): Finding {
  if (matrix.some(({ rekeys }) => rekeys))
    return { area, severity: 'ok', found: 'keys can be replaced (TLS 1.3 KeyUpdate)' };
  return {
    area,
    severity: 'info',
    found: 'keys cannot be replaced (TLS 1.3 KeyUpdate); Linux 6.14 and later can',
    meaning:
      'With TLS 1.3 the kernel sends and does not receive; a client that asks for a new key gets its ' +
      'response whole and then has to connect again.',
  };
}
