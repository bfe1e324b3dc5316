// tls: reloads the certificates of a running server.

import type { Command } from 'commander';
import { ControlClient, type ControlOptions, withControl } from './control_client.ts';
import { withExamples } from './site.ts';

export function addTls(program: Command): void {
  const tls = program.command('tls').description('manage the certificates of a running server');
  withExamples(tls, 'sealgate tls reload');
  const reloading = withControl(tls.command('reload'))
    .description('read certificates and keys again, and reopen the access log')
    .addHelpText('after', '\nOver HTTP, at the control plane: POST /tls/reload, without a body.')
    .action(reload);
  withExamples(reloading, 'sealgate tls reload --config site/sealgate.json');
}

async function reload(options: ControlOptions): Promise<void> {
  await (await ControlClient.of(options)).post('/tls/reload');
  console.log('certificates and keys were read again');
}
