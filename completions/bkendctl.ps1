# Completion of bkendctl's command line; written by bkendctl, changes are overwritten.

Register-ArgumentCompleter -Native -CommandName bkendctl -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $verbs = @{
        '' = 'init demo help signup login logout whoami token password email mfa sessions account users invitations keys mail audit clock api doctor serve profiles db completion'
        'token' = 'print show refresh'
        'password' = 'change reset-request reset-confirm'
        'email' = 'signup-confirm signup-resend verify-send verify-resend verify-confirm'
        'mfa' = 'enroll confirm status disable backup-codes code'
        'sessions' = 'list revoke revoke-all'
        'account' = 'delete'
        'users' = 'list get create update delete restore set-role ban unban sessions revoke-sessions reset-mfa'
        'invitations' = 'create list get accept reject revoke resend'
        'keys' = 'create list get revoke verify'
        'mail' = 'list show wait clear'
        'audit' = 'list verify export'
        'clock' = 'show advance set reset'
        'profiles' = 'list show use add remove'
        'db' = 'status migrate check backup restore rekey purge'
        'completion' = 'show install'
    }
    $options = @{
        '' = '-p --profile -o --output -q --quiet --jq --as --no-input -y --yes --debug --http-timeout -V --version -h --help'
        'init' = '--name --environment --new-keys'
        'demo' = '--keep --remote'
        'signup' = '--name --magic-link --callback-url --password-stdin --show-tokens'
        'login' = '--mfa-code --magic-link --token --callback-url --password-stdin --show-tokens'
        'logout' = '--all'
        'token print' = '--no-refresh'
        'password change' = '--new-password-stdin'
        'password reset-request' = '--callback-url'
        'password reset-confirm' = '--token --new-password-stdin'
        'email signup-confirm' = '--token'
        'email signup-resend' = '--callback-url'
        'email verify-send' = '--callback-url'
        'email verify-resend' = '--callback-url'
        'email verify-confirm' = '--token'
        'mfa enroll' = '--qr --qr-file --keep-secret --password-stdin'
        'mfa disable' = '--code --password-stdin'
        'mfa backup-codes' = '--code --password-stdin'
        'mfa code' = '--secret-stdin --next'
        'sessions list' = '--page --limit'
        'sessions revoke-all' = '--include-current'
        'users list' = '--search --search-type --role --status --provider --mfa --no-mfa --last-sign-in-before --sort --desc --asc --page --limit'
        'users create' = '--name --role --password-stdin --email-verified'
        'users update' = '--name'
        'users ban' = '--until --reason'
        'users sessions' = '--page --limit'
        'invitations create' = '--organization --project --role --name --callback-url --send --no-send'
        'invitations list' = '--status --page --limit'
        'invitations accept' = '--token --email'
        'invitations reject' = '--token --email'
        'keys create' = '--name --type --scope --expires --environment'
        'keys list' = '--type --status --environment --page --limit'
        'mail list' = '--to --category --page --limit'
        'mail show' = '--html'
        'mail wait' = '--to --category --since --timeout --print'
        'audit list' = '--action --actor --user --since --limit --follow'
        'audit export' = '--file --since'
        'api' = '-f --raw-field -F --field --input --paginate --curl'
        'serve' = '--host --port --workers --tls-cert --tls-key --plain-http --public-url --trusted-proxy --access-log --no-access-log --print-config'
        'profiles add' = '--url --api-key-stdin'
        'db backup' = '--with-files'
        'db rekey' = '--new-key-stdin'
        'db purge' = '--dry-run'
    }
    $takes = @{
        '-p' = '@profiles'
        '--profile' = '@profiles'
        '-o' = 'table json yaml csv'
        '--output' = 'table json yaml csv'
        '--jq' = '@'
        '--as' = 'user key'
        '--http-timeout' = '@'
        'init --name' = '@'
        'init --environment' = '@'
        'demo --remote' = '@'
        'signup --name' = '@'
        'signup --callback-url' = '@'
        'login --mfa-code' = '@'
        'login --token' = '@'
        'login --callback-url' = '@'
        'password reset-request --callback-url' = '@'
        'password reset-confirm --token' = '@'
        'email signup-confirm --token' = '@'
        'email signup-resend --callback-url' = '@'
        'email verify-send --callback-url' = '@'
        'email verify-resend --callback-url' = '@'
        'email verify-confirm --token' = '@'
        'mfa enroll --qr' = 'terminal png svg none'
        'mfa enroll --qr-file' = '@files'
        'mfa disable --code' = '@'
        'mfa backup-codes --code' = '@'
        'sessions list --page' = '@'
        'sessions list --limit' = '@'
        'users list --search' = '@'
        'users list --search-type' = 'name nickname email'
        'users list --role' = 'admin user guest'
        'users list --status' = 'active banned deleted all'
        'users list --provider' = 'email google github'
        'users list --last-sign-in-before' = '@'
        'users list --sort' = 'createdAt updatedAt name email role'
        'users list --page' = '@'
        'users list --limit' = '@'
        'users create --name' = '@'
        'users create --role' = 'admin user guest'
        'users update --name' = '@'
        'users ban --until' = '@'
        'users ban --reason' = '@'
        'users sessions --page' = '@'
        'users sessions --limit' = '@'
        'invitations create --organization' = '@'
        'invitations create --project' = '@'
        'invitations create --role' = 'owner admin member billing'
        'invitations create --name' = '@'
        'invitations create --callback-url' = '@'
        'invitations list --status' = 'pending accepted rejected expired revoked'
        'invitations list --page' = '@'
        'invitations list --limit' = '@'
        'invitations accept --token' = '@'
        'invitations accept --email' = '@'
        'invitations reject --token' = '@'
        'invitations reject --email' = '@'
        'keys create --name' = '@'
        'keys create --type' = 'publishable secret'
        'keys create --scope' = '@'
        'keys create --expires' = '@'
        'keys create --environment' = '@'
        'keys list --type' = 'publishable secret'
        'keys list --status' = 'active expired revoked all'
        'keys list --environment' = '@'
        'keys list --page' = '@'
        'keys list --limit' = '@'
        'mail list --to' = '@'
        'mail list --category' = 'signup_confirmation password_reset magic_link email_verification invitation password_changed mfa_changed email_changed sessions_ended'
        'mail list --page' = '@'
        'mail list --limit' = '@'
        'mail wait --to' = '@'
        'mail wait --category' = 'signup_confirmation password_reset magic_link email_verification invitation password_changed mfa_changed email_changed sessions_ended'
        'mail wait --since' = '@'
        'mail wait --timeout' = '@'
        'mail wait --print' = 'link token subject body'
        'audit list --action' = '@'
        'audit list --actor' = '@users'
        'audit list --user' = '@users'
        'audit list --since' = '@'
        'audit list --limit' = '@'
        'audit export --file' = '@files'
        'audit export --since' = '@'
        'api -f' = '@'
        'api --raw-field' = '@'
        'api -F' = '@'
        'api --field' = '@'
        'api --input' = '@files'
        'serve --host' = '@'
        'serve --port' = '@'
        'serve --workers' = '@'
        'serve --tls-cert' = '@files'
        'serve --tls-key' = '@files'
        'serve --public-url' = '@'
        'serve --trusted-proxy' = '@'
        'profiles add --url' = '@'
    }
    $arguments = @{
        'help' = @('environment exit-codes output auth profiles')
        'signup' = @('@')
        'login' = @('@')
        'password reset-request' = @('@')
        'password reset-confirm' = @('@')
        'email signup-confirm' = @('@')
        'email signup-resend' = @('@')
        'email verify-send' = @('@')
        'email verify-resend' = @('@')
        'email verify-confirm' = @('@')
        'mfa confirm' = @('@')
        'sessions revoke' = @('@sessions')
        'users get' = @('@users')
        'users create' = @('@')
        'users update' = @('@users')
        'users delete' = @('@users')
        'users restore' = @('@users')
        'users set-role' = @('@users', 'admin user guest')
        'users ban' = @('@users')
        'users unban' = @('@users')
        'users sessions' = @('@users')
        'users revoke-sessions' = @('@users')
        'users reset-mfa' = @('@users')
        'invitations create' = @('@')
        'invitations get' = @('@invitations')
        'invitations revoke' = @('@invitations')
        'invitations resend' = @('@invitations')
        'keys get' = @('@keys')
        'keys revoke' = @('@keys')
        'mail show' = @('@mails')
        'clock advance' = @('@')
        'clock set' = @('@')
        'api' = @('GET POST PUT PATCH DELETE ls', '/v1/api-keys /v1/api-keys/ /v1/api-keys/current /v1/audit-events /v1/audit-events/verification /v1/auth/email/callback /v1/auth/email/signin /v1/auth/email/signup /v1/auth/email/verify/confirm /v1/auth/email/verify/resend /v1/auth/email/verify/send /v1/auth/invitations /v1/auth/invitations/ /v1/auth/invitations/accept /v1/auth/invitations/reject /v1/auth/me /v1/auth/mfa /v1/auth/mfa/backup-codes /v1/auth/mfa/confirm /v1/auth/mfa/disable /v1/auth/mfa/enable /v1/auth/password/change /v1/auth/password/reset/confirm /v1/auth/password/reset/request /v1/auth/refresh /v1/auth/sessions /v1/auth/sessions/ /v1/auth/signout /v1/auth/signup/email/confirm /v1/auth/signup/email/resend /v1/auth/withdraw /v1/dev/clock /v1/dev/mail /v1/dev/mail/ /v1/users /v1/users/')
        'profiles show' = @('@profiles')
        'profiles use' = @('@profiles')
        'profiles add' = @('@')
        'profiles remove' = @('@profiles')
        'db backup' = @('@files')
        'db restore' = @('@files')
        'completion show' = @('bash zsh fish powershell')
        'completion install' = @('bash zsh fish powershell')
    }
    $summaries = @{
        'init' = 'Make the embedded core and its first keys.'
        'demo' = 'The whole tour in a throw-away core.'
        'help' = 'Explain a topic, such as exit-codes.'
        'signup' = 'Create an account and sign in.'
        'login' = 'Sign in.'
        'logout' = 'End the session and forget it here.'
        'whoami' = 'Show the signed-in user.'
        'token' = 'Print, read or renew the access token.'
        'token print' = 'Print the raw access token, renewed first when it has expired.'
        'token show' = 'Show the access token''s claims and time left, offline.'
        'token refresh' = 'Renew the tokens now.'
        'password' = 'Change or reset the password.'
        'password change' = 'Change the password and sign in again.'
        'password reset-request' = 'Have a link for a new password mailed.'
        'password reset-confirm' = 'Set a new password with the mailed token.'
        'email' = 'Prove or change the e-mail address.'
        'email signup-confirm' = 'Prove the address with the token of the confirmation mail.'
        'email signup-resend' = 'Have the confirmation of a sign-up mailed again.'
        'email verify-send' = 'Have a token mailed that proves an address.'
        'email verify-resend' = 'Have the proving token mailed again.'
        'email verify-confirm' = 'Prove an address with the mailed token.'
        'mfa' = 'Two-step sign-in: enrol, confirm, codes.'
        'mfa enroll' = 'Begin enrolment: backup codes, a QR, the first code.'
        'mfa confirm' = 'Finish enrolment with the first code of your app.'
        'mfa status' = 'Show whether it is on, and how many backup codes are left.'
        'mfa disable' = 'Switch two-step sign-in off.'
        'mfa backup-codes' = 'Make ten new backup codes; the old ones stop.'
        'mfa code' = 'Print the present code, from a kept secret or from stdin.'
        'sessions' = 'See and end sessions.'
        'sessions list' = 'List your live sessions; the current one is marked.'
        'sessions revoke' = 'End one session; ending the current one signs you out here.'
        'sessions revoke-all' = 'End all your other sessions.'
        'account' = 'Delete the account.'
        'account delete' = 'Delete the own account; an admin can restore it for 30 days.'
        'users' = 'Users of the environment: list, roles, bans.'
        'users list' = 'List users.'
        'users get' = 'Show one user.'
        'users create' = 'Make a user without sign-up.'
        'users update' = 'Rename a user.'
        'users delete' = 'Delete a user; it can be restored for 30 days.'
        'users restore' = 'Bring a deleted user back.'
        'users set-role' = 'Give a role, in effect from the user''s next request on.'
        'users ban' = 'Ban a user and end its sessions.'
        'users unban' = 'Lift a ban.'
        'users sessions' = 'List a user''s live sessions.'
        'users revoke-sessions' = 'End all sessions of a user.'
        'users reset-mfa' = 'Switch MFA off for a lost device, and end all sessions.'
        'invitations' = 'Invite to organizations and projects.'
        'invitations create' = 'Invite an address; the link works for seven days.'
        'invitations list' = 'List invitations, newest first.'
        'invitations get' = 'Show one invitation.'
        'invitations accept' = 'Accept an invitation with its token.'
        'invitations reject' = 'Decline an invitation with its token.'
        'invitations revoke' = 'Take an open invitation back.'
        'invitations resend' = 'Mail an open or expired invitation again, with a new token.'
        'keys' = 'API keys: create, list, revoke, verify.'
        'keys create' = 'Make a key; it is shown this once. With -q the key alone is printed.'
        'keys list' = 'List keys, newest first.'
        'keys get' = 'Show one key, masked.'
        'keys revoke' = 'Revoke a key from the next request on.'
        'keys verify' = 'Say whether a key is good, and what for.'
        'mail' = 'Mails of the dev environment.'
        'mail list' = 'List mails, newest first.'
        'mail show' = 'Show one mail: its text, with the links in it.'
        'mail wait' = 'Wait for a mail and show it; exit status 8 when none comes in time.'
        'mail clear' = 'Forget all mails of the environment, those that were not sent too.'
        'audit' = 'What happened: list, verify, export.'
        'audit list' = 'List events, newest first.'
        'audit verify' = 'Seal what is new and check the hash chain.'
        'audit export' = 'Write all events, newest first, one JSON document a line.'
        'clock' = 'Move the dev environment''s clock.'
        'clock show' = 'Show the environment''s time, and how far it is off.'
        'clock advance' = 'Move the clock on by a duration.'
        'clock set' = 'Set the clock to an instant.'
        'clock reset' = 'Go back to real time.'
        'api' = 'Any endpoint, with the profile''s credentials.'
        'doctor' = 'Find what is wrong, and what mends it.'
        'serve' = 'The embedded core as bkend''s REST API.'
        'profiles' = 'Where commands go.'
        'profiles list' = 'List profiles; the current one is marked.'
        'profiles show' = 'Show a profile, and where its credentials are kept.'
        'profiles use' = 'Make a profile current.'
        'profiles add' = 'Add a profile for a server and make it current.'
        'profiles remove' = 'Remove a profile and its credentials, not its database.'
        'db' = 'The database: check, back up, restore, purge, rekey.'
        'db status' = 'Show which schema the database has, and which this program needs.'
        'db migrate' = 'Bring the tables to the newest schema, all or nothing.'
        'db check' = 'Check integrity, foreign keys and tables.'
        'db backup' = 'Copy the database while it is in use, and check the copy.'
        'db restore' = 'Put a backup in the place of the database.'
        'db rekey' = 'Replace the master key of this machine.'
        'db purge' = 'Remove what has expired, while the database is in use.'
        'completion' = 'Completion in bash, zsh, fish and PowerShell.'
        'completion show' = 'Print the completion script of a shell.'
        'completion install' = 'Install completion for the current user. Done again it brings the script up to date.'
    }

    $path = ''
    $waiting = ''
    $profileName = ''
    $count = 0
    $before = $commandAst.CommandElements | Select-Object -Skip 1 | Where-Object {
        $_.Extent.EndOffset -lt $cursorPosition
    }
    foreach ($element in $before) {
        $word = $element.Extent.Text
        if ($waiting) {
            if ($waiting -in '-p', '--profile') { $profileName = $word }
            $waiting = ''
        } elseif ($word -like '--*=*') {
            if ($word -like '--profile=*') { $profileName = $word.Substring(10) }
        } elseif ($word -like '-*') {
            if ($takes.ContainsKey($word) -or $takes.ContainsKey("$path $word")) { $waiting = $word }
        } elseif ($verbs.ContainsKey($path)) {
            $path = "$path $word".Trim()
        } else {
            $count++
        }
    }

    $offered = ''
    if ($waiting) {
        $offered = if ($takes.ContainsKey($waiting)) { $takes[$waiting] } else { $takes["$path $waiting"] }
    } elseif ($wordToComplete -like '-*') {
        $offered = "$($options[$path]) $($options[''])"
    } elseif ($verbs.ContainsKey($path)) {
        $offered = $verbs[$path]
    } elseif ($arguments.ContainsKey($path)) {
        $offered = @($arguments[$path])[$count]
    }
    if (-not $offered -or $offered -in '@', '@files') { return }

    if ($offered -like '@*') {
        $lines = @(bkendctl completion values $offered.Substring(1) "$wordToComplete" "$profileName" 2>$null)
    } else {
        $lines = -split $offered
    }
    foreach ($line in $lines) {
        $value, $label = $line -split "`t", 2
        if (-not $value.StartsWith("$wordToComplete", 'OrdinalIgnoreCase')) { continue }
        if (-not $label) { $label = $summaries["$path $value".Trim()] }
        if (-not $label) { $label = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $label)
    }
}
