// Finding: one thing that the doctor looked at: what it is, what that means and what to do about it.

export const severities = ['ok', 'info', 'warn', 'fail'] as const;
export type Severity = (typeof severities)[number];

export interface Finding {
  /** What was looked at, as `kernel` or `store`: findings are shown by area. */
  area: string;
  severity: Severity;
  found: string;
  /** Why it matters; absent where that is plain. */
  meaning?: string;
  /** What to do, with the command where there is one. */
  remedy?: string;
}

export function worstOf(findings: readonly Finding[]): Severity {
  return severities.findLast((severity) => findings.some((each) => each.severity === severity)) ?? 'ok';
}
