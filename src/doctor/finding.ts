// Finding: the result of one of the doctor's checks, with what it means and what to do.

export const severities = ['ok', 'info', 'warn', 'fail'] as const;
export type Severity = (typeof severities)[number];

export interface Finding {
  /** What was checked, for example `kernel TLS` or `store`; the output groups findings by area. */
  area: string;
  severity: Severity;
  found: string;
  /** Why it matters; absent when that is obvious. */
  meaning?: string;
  /** What to do, with the command if there is one. */
  remedy?: string;
}

export function worstOf(findings: readonly Finding[]): Severity {
  return severities.findLast((severity) => findings.some((each) => each.severity === severity)) ?? 'ok';
}
