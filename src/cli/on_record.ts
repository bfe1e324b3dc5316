// OnRecord: changes that a command makes to a store without a server go to the audit log, as a server's do.

import { userInfo } from 'node:os';
import type { Config } from '../config/config.ts';
import { AuditLog } from '../rollout/audit_log.ts';

/** Call it before the change: none is made without an author on record. */
export async function onRecord(
  config: Config,
  entry: { action: string; why: string; [what: string]: unknown },
): Promise<void> {
  const audit = await AuditLog.open(config.control.audit);
  try {
    await audit.append({ who: `command line: ${userInfo().username}`, ...entry });
  } finally {
    await audit.close();
  }
}
