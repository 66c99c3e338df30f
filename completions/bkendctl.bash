# Completion of bkendctl's command line; written by bkendctl, changes are overwritten.

# Set $offer to what may follow the option $2 of the command $1; fail when it takes no value.
_bkendctl_value() {
    case "$2" in
    '-p') offer='@profiles'; return ;;
    '--profile') offer='@profiles'; return ;;
    '-o') offer='table json yaml csv'; return ;;
    '--output') offer='table json yaml csv'; return ;;
    '--jq') offer='@'; return ;;
    '--as') offer='user key'; return ;;
    '--http-timeout') offer='@'; return ;;
    esac
    case "$1 $2" in
    'init --name') offer='@' ;;
    'init --environment') offer='@' ;;
    'demo --remote') offer='@' ;;
    'signup --name') offer='@' ;;
    'signup --callback-url') offer='@' ;;
    'login --mfa-code') offer='@' ;;
    'login --token') offer='@' ;;
    'login --client-id') offer='@' ;;
    'login --redirect-uri') offer='@' ;;
    'login --callback-url') offer='@' ;;
    'password reset-request --callback-url') offer='@' ;;
    'password reset-confirm --token') offer='@' ;;
    'email signup-confirm --token') offer='@' ;;
    'email signup-resend --callback-url') offer='@' ;;
    'email verify-send --callback-url') offer='@' ;;
    'email verify-resend --callback-url') offer='@' ;;
    'email verify-confirm --token') offer='@' ;;
    'mfa enroll --qr') offer='terminal png svg none' ;;
    'mfa enroll --qr-file') offer='@files' ;;
    'mfa disable --code') offer='@' ;;
    'mfa backup-codes --code') offer='@' ;;
    'sessions list --page') offer='@' ;;
    'sessions list --limit') offer='@' ;;
    'profile show --user') offer='@users' ;;
    'profile set --name') offer='@' ;;
    'profile set --nickname') offer='@' ;;
    'profile set --mobile') offer='@' ;;
    'profile set --gender') offer='none male female etc null' ;;
    'profile set --bio') offer='@' ;;
    'profile set --social') offer='@' ;;
    'profile set --user') offer='@users' ;;
    'profile avatar set --user') offer='@users' ;;
    'profile avatar get --user') offer='@users' ;;
    'profile avatar remove --user') offer='@users' ;;
    'preferences show --user') offer='@users' ;;
    'preferences set --locale') offer='@' ;;
    'preferences set --timezone') offer='@' ;;
    'preferences set --theme') offer='light dark system null' ;;
    'preferences set --user') offer='@users' ;;
    'notifications show --user') offer='@users' ;;
    'notifications set --user') offer='@users' ;;
    'onboarding show --user') offer='@users' ;;
    'onboarding set --status') offer='pending in_progress completed skipped' ;;
    'onboarding set --step') offer='@' ;;
    'onboarding set --completed-step') offer='@' ;;
    'onboarding set --user') offer='@users' ;;
    'public-settings show --user') offer='@users' ;;
    'public-settings set --slug') offer='@' ;;
    'public-settings set --user') offer='@users' ;;
    'account link --code') offer='@' ;;
    'account link --redirect-uri') offer='@' ;;
    'account link --state') offer='@' ;;
    'account link --code-verifier') offer='@' ;;
    'account check --provider') offer='email google github' ;;
    'users list --search') offer='@' ;;
    'users list --search-type') offer='name nickname email' ;;
    'users list --role') offer='admin user guest' ;;
    'users list --status') offer='active banned deleted all' ;;
    'users list --provider') offer='email google github' ;;
    'users list --last-sign-in-before') offer='@' ;;
    'users list --last-sign-in-after') offer='@' ;;
    'users list --created-before') offer='@' ;;
    'users list --created-after') offer='@' ;;
    'users list --sort') offer='createdAt updatedAt name email role' ;;
    'users list --page') offer='@' ;;
    'users list --limit') offer='@' ;;
    'users export --to') offer='csv jsonl' ;;
    'users export --file') offer='@files' ;;
    'users export --role') offer='admin user guest' ;;
    'users export --status') offer='active banned deleted all' ;;
    'users import --from') offer='csv jsonl firebase supabase auth0' ;;
    'users import --on-conflict') offer='skip update fail' ;;
    'users import --firebase-config') offer='@files' ;;
    'users import --skip-first') offer='@' ;;
    'users import --report') offer='@files' ;;
    'users create --name') offer='@' ;;
    'users create --role') offer='admin user guest' ;;
    'users update --name') offer='@' ;;
    'users set-role --where') offer='@' ;;
    'users set-role --undo-file') offer='@files' ;;
    'users ban --until') offer='@' ;;
    'users ban --reason') offer='@' ;;
    'users ban --where') offer='@' ;;
    'users ban --undo-file') offer='@files' ;;
    'users sessions --page') offer='@' ;;
    'users sessions --limit') offer='@' ;;
    'users revoke-sessions --where') offer='@' ;;
    'users revoke-sessions --undo-file') offer='@files' ;;
    'orgs list --page') offer='@' ;;
    'orgs list --limit') offer='@' ;;
    'orgs create --name') offer='@' ;;
    'orgs create --owner') offer='@users' ;;
    'orgs create --slug') offer='@' ;;
    'orgs create --display-name') offer='@' ;;
    'orgs create --description') offer='@' ;;
    'orgs update --name') offer='@' ;;
    'orgs update --display-name') offer='@' ;;
    'orgs update --description') offer='@' ;;
    'orgs members list --role') offer='owner admin member billing' ;;
    'orgs members list --page') offer='@' ;;
    'orgs members list --limit') offer='@' ;;
    'projects list --organization') offer='@organizations' ;;
    'projects list --page') offer='@' ;;
    'projects list --limit') offer='@' ;;
    'projects create --organization') offer='@organizations' ;;
    'projects create --name') offer='@' ;;
    'projects create --slug') offer='@' ;;
    'projects create --description') offer='@' ;;
    'projects create --new-profile') offer='@' ;;
    'projects update --name') offer='@' ;;
    'projects update --description') offer='@' ;;
    'projects update --issuer') offer='@' ;;
    'projects update --cors-origin') offer='@' ;;
    'projects update --public-url') offer='@' ;;
    'environments list --project') offer='@projects' ;;
    'environments create --type') offer='dev staging prod custom' ;;
    'environments create --project') offer='@projects' ;;
    'environments create --new-profile') offer='@' ;;
    'environments delete --project') offer='@projects' ;;
    'invitations create --organization') offer='@organizations' ;;
    'invitations create --project') offer='@projects' ;;
    'invitations create --role') offer='owner admin member billing' ;;
    'invitations create --name') offer='@' ;;
    'invitations create --callback-url') offer='@' ;;
    'invitations list --status') offer='pending accepted rejected expired revoked' ;;
    'invitations list --page') offer='@' ;;
    'invitations list --limit') offer='@' ;;
    'invitations accept --token') offer='@' ;;
    'invitations accept --email') offer='@' ;;
    'invitations reject --token') offer='@' ;;
    'invitations reject --email') offer='@' ;;
    'keys create --name') offer='@' ;;
    'keys create --type') offer='publishable secret' ;;
    'keys create --scope') offer='@' ;;
    'keys create --expires') offer='@' ;;
    'keys create --environment') offer='@' ;;
    'keys create --format') offer='plain dotenv github-actions' ;;
    'keys rotate --grace') offer='@' ;;
    'keys rotate --expires') offer='@' ;;
    'keys rotate --format') offer='plain dotenv github-actions' ;;
    'keys unused --since') offer='@' ;;
    'keys unused --environment') offer='@' ;;
    'keys list --type') offer='publishable secret' ;;
    'keys list --status') offer='active expired revoked all' ;;
    'keys list --environment') offer='@' ;;
    'keys list --page') offer='@' ;;
    'keys list --limit') offer='@' ;;
    'providers email set --magic-link-expiration-minutes') offer='@' ;;
    'providers email set --allowed-callback-url') offer='@' ;;
    'providers email set --min-length') offer='@' ;;
    'providers email set --max-length') offer='@' ;;
    'providers email set --expiration-days') offer='N null' ;;
    'providers email set --max-failures') offer='@' ;;
    'providers email set --window-minutes') offer='@' ;;
    'providers email set --lock-minutes') offer='@' ;;
    'providers oauth set --client-id') offer='@' ;;
    'providers oauth set --redirect-uri') offer='@' ;;
    'providers oauth set --scope') offer='@' ;;
    'providers oauth set --issuer') offer='@' ;;
    'providers oauth set --authorization-url') offer='@' ;;
    'providers oauth set --token-url') offer='@' ;;
    'providers oauth set --user-info-url') offer='@' ;;
    'providers oauth set --jwks-url') offer='@' ;;
    'settings sessions set --access-token-seconds') offer='@' ;;
    'settings sessions set --refresh-token-seconds') offer='@' ;;
    'settings sessions set --session-absolute-days') offer='@' ;;
    'settings sessions set --refresh-reuse-grace-seconds') offer='@' ;;
    'settings sessions set --rate-limit') offer='@' ;;
    'config export --file') offer='@files' ;;
    'signing-keys rotate --algorithm') offer='ES256 RS256 EdDSA HS256' ;;
    'templates set --file') offer='@files' ;;
    'templates set --subject') offer='@' ;;
    'templates preview --file') offer='@files' ;;
    'templates preview --subject') offer='@' ;;
    'templates preview --locale') offer='en ko ja' ;;
    'templates preview --value') offer='@' ;;
    'templates preview --html') offer='@files' ;;
    'templates lint --file') offer='@files' ;;
    'templates lint --subject') offer='@' ;;
    'templates settings set --sender-email') offer='@' ;;
    'templates settings set --sender-name') offer='@' ;;
    'templates settings set --logo-url') offer='@' ;;
    'templates settings set --brand-color') offer='@' ;;
    'mail list --to') offer='@' ;;
    'mail list --category') offer='signup_confirmation password_reset magic_link email_verification invitation password_changed mfa_changed email_changed sessions_ended' ;;
    'mail list --page') offer='@' ;;
    'mail list --limit') offer='@' ;;
    'mail wait --to') offer='@' ;;
    'mail wait --category') offer='signup_confirmation password_reset magic_link email_verification invitation password_changed mfa_changed email_changed sessions_ended' ;;
    'mail wait --since') offer='@' ;;
    'mail wait --timeout') offer='@' ;;
    'mail wait --print') offer='link token subject body' ;;
    'mail deliver --limit') offer='@' ;;
    'audit list --action') offer='@' ;;
    'audit list --actor') offer='@users' ;;
    'audit list --user') offer='@users' ;;
    'audit list --since') offer='@' ;;
    'audit list --outcome') offer='success failure' ;;
    'audit list --limit') offer='@' ;;
    'audit export --file') offer='@files' ;;
    'audit export --since') offer='@' ;;
    'api -f') offer='@' ;;
    'api --raw-field') offer='@' ;;
    'api -F') offer='@' ;;
    'api --field') offer='@' ;;
    'api --input') offer='@files' ;;
    'serve --host') offer='@' ;;
    'serve --port') offer='@' ;;
    'serve --workers') offer='@' ;;
    'serve --tls-cert') offer='@files' ;;
    'serve --tls-key') offer='@files' ;;
    'serve --public-url') offer='@' ;;
    'serve --trusted-proxy') offer='@' ;;
    'fake-provider serve --port') offer='@' ;;
    'fake-provider serve --person') offer='@' ;;
    'fake-provider serve --redirect-uri') offer='@' ;;
    'fake-provider consent --person') offer='@' ;;
    'fake-provider consent --outcome') offer='@' ;;
    'policy check --operation') offer='create read update delete list' ;;
    'policy check --role') offer='@' ;;
    'policy check --row') offer='@' ;;
    'policy check --column') offer='@' ;;
    'policy check --scope') offer='@' ;;
    'policy check --table') offer='@' ;;
    'profiles add --url') offer='@' ;;
    'db purge --audit-older-than') offer='@' ;;
    *) return 1 ;;
    esac
}

# Set $verbs, $options and $arguments of the command $1.
_bkendctl_command() {
    verbs='' options='' arguments=()
    case "$1" in
    '') verbs='init demo help signup login logout whoami token password email mfa sessions profile preferences notifications onboarding public-settings account users orgs projects environments invitations keys providers settings config signing-keys templates mail audit clock api doctor serve fake-provider policy profiles db completion' ;;
    'init') options='--name --environment --new-keys' ;;
    'demo') options='--keep --remote' ;;
    'help') arguments=('environment exit-codes output auth profiles') ;;
    'signup') options='--name --magic-link --callback-url --password-stdin --show-tokens' arguments=('@') ;;
    'login') options='--mfa-code --magic-link --token --web --google --github --client-id --redirect-uri --callback-url --password-stdin --show-tokens' arguments=('@') ;;
    'logout') options='--all' ;;
    'whoami') : ;;
    'token') verbs='print show refresh' ;;
    'token print') options='--no-refresh' ;;
    'token show') : ;;
    'token refresh') : ;;
    'password') verbs='change reset-request reset-confirm' ;;
    'password change') options='--new-password-stdin' ;;
    'password reset-request') options='--callback-url' arguments=('@') ;;
    'password reset-confirm') options='--token --new-password-stdin' arguments=('@') ;;
    'email') verbs='signup-confirm signup-resend verify-send verify-resend verify-confirm' ;;
    'email signup-confirm') options='--token' arguments=('@') ;;
    'email signup-resend') options='--callback-url' arguments=('@') ;;
    'email verify-send') options='--callback-url' arguments=('@') ;;
    'email verify-resend') options='--callback-url' arguments=('@') ;;
    'email verify-confirm') options='--token' arguments=('@') ;;
    'mfa') verbs='enroll confirm status disable backup-codes code' ;;
    'mfa enroll') options='--qr --qr-file --keep-secret --password-stdin' ;;
    'mfa confirm') arguments=('@') ;;
    'mfa status') : ;;
    'mfa disable') options='--code --password-stdin' ;;
    'mfa backup-codes') options='--code --password-stdin' ;;
    'mfa code') options='--secret-stdin --next' ;;
    'sessions') verbs='list revoke revoke-all' ;;
    'sessions list') options='--page --limit' ;;
    'sessions revoke') arguments=('@sessions') ;;
    'sessions revoke-all') options='--include-current' ;;
    'profile') verbs='show set avatar' ;;
    'profile show') options='--user' ;;
    'profile set') options='--name --nickname --mobile --gender --bio --social --user' ;;
    'profile avatar') verbs='set get remove' ;;
    'profile avatar set') options='--user' arguments=('@files') ;;
    'profile avatar get') options='--user' arguments=('@files') ;;
    'profile avatar remove') options='--user' ;;
    'preferences') verbs='show set' ;;
    'preferences show') options='--user' ;;
    'preferences set') options='--locale --timezone --theme --user' ;;
    'notifications') verbs='show set' ;;
    'notifications show') options='--user' ;;
    'notifications set') options='--service --no-service --marketing --no-marketing --push --no-push --email --no-email --sms --no-sms --night-time --no-night-time --security-alerts --no-security-alerts --user' ;;
    'onboarding') verbs='show set' ;;
    'onboarding show') options='--user' ;;
    'onboarding set') options='--status --step --completed-step --user' ;;
    'public-settings') verbs='show set' ;;
    'public-settings show') options='--user' ;;
    'public-settings set') options='--public --private --slug --user' ;;
    'account') verbs='accounts link unlink check delete' ;;
    'account accounts') : ;;
    'account link') options='--code --redirect-uri --state --code-verifier --id-token-stdin' arguments=('google github') ;;
    'account unlink') arguments=('email google github') ;;
    'account check') options='--provider' arguments=('@') ;;
    'account delete') : ;;
    'users') verbs='list export import get create update delete restore set-role ban unban sessions revoke-sessions undo reset-mfa' ;;
    'users list') options='--search --search-type --role --status --provider --mfa --no-mfa --last-sign-in-before --last-sign-in-after --created-before --created-after --include-accounts --sort --desc --asc --page --limit --all' ;;
    'users export') options='--to --file --role --status --include-accounts --include-hashes' ;;
    'users import') options='--from --dry-run --on-conflict --allow-roles --without-hashes --firebase-config --skip-first --report' arguments=('@files') ;;
    'users get') arguments=('@users') ;;
    'users create') options='--name --role --password-stdin --email-verified' arguments=('@') ;;
    'users update') options='--name' arguments=('@users') ;;
    'users delete') arguments=('@users') ;;
    'users restore') arguments=('@users') ;;
    'users set-role') options='--where --dry-run --undo-file' arguments=('@users' 'admin user guest') ;;
    'users ban') options='--until --reason --where --dry-run --undo-file' arguments=('@') ;;
    'users unban') arguments=('@users') ;;
    'users sessions') options='--page --limit' arguments=('@users') ;;
    'users revoke-sessions') options='--where --dry-run --undo-file' arguments=('@') ;;
    'users undo') arguments=('@files') ;;
    'users reset-mfa') arguments=('@users') ;;
    'orgs') verbs='list create get update delete switch members' ;;
    'orgs list') options='--page --limit' ;;
    'orgs create') options='--name --owner --slug --display-name --description' ;;
    'orgs get') arguments=('@organizations') ;;
    'orgs update') options='--name --display-name --description' arguments=('@organizations') ;;
    'orgs delete') arguments=('@organizations') ;;
    'orgs switch') arguments=('@organizations') ;;
    'orgs members') verbs='list set-role remove' ;;
    'orgs members list') options='--role --page --limit' arguments=('@organizations') ;;
    'orgs members set-role') arguments=('@organizations' '@users' 'owner admin member billing') ;;
    'orgs members remove') arguments=('@organizations' '@users') ;;
    'projects') verbs='list create get update delete' ;;
    'projects list') options='--organization --page --limit' ;;
    'projects create') options='--organization --name --slug --description --new-profile' ;;
    'projects get') arguments=('@projects') ;;
    'projects update') options='--name --description --issuer --cors-origin --public-url' arguments=('@projects') ;;
    'projects delete') arguments=('@projects') ;;
    'environments') verbs='list create delete' ;;
    'environments list') options='--project' ;;
    'environments create') options='--type --project --new-profile' arguments=('@') ;;
    'environments delete') options='--project' arguments=('@') ;;
    'invitations') verbs='create list get accept reject revoke resend' ;;
    'invitations create') options='--organization --project --role --name --callback-url --send --no-send' arguments=('@') ;;
    'invitations list') options='--status --page --limit' ;;
    'invitations get') arguments=('@invitations') ;;
    'invitations accept') options='--token --email' ;;
    'invitations reject') options='--token --email' ;;
    'invitations revoke') arguments=('@invitations') ;;
    'invitations resend') arguments=('@invitations') ;;
    'keys') verbs='create rotate unused list get revoke verify' ;;
    'keys create') options='--name --type --scope --expires --environment --if-not-exists --format' ;;
    'keys rotate') options='--grace --expires --format' arguments=('@keys') ;;
    'keys unused') options='--since --environment' ;;
    'keys list') options='--type --status --environment --page --limit' ;;
    'keys get') arguments=('@keys') ;;
    'keys revoke') arguments=('@keys') ;;
    'keys verify') : ;;
    'providers') verbs='email oauth' ;;
    'providers email') verbs='get set' ;;
    'providers email get') : ;;
    'providers email set') options='--enabled --no-enabled --magic-link-enabled --no-magic-link-enabled --magic-link-expiration-minutes --require-email-verification --no-require-email-verification --allowed-callback-url --min-length --max-length --require-uppercase --no-require-uppercase --require-lowercase --no-require-lowercase --require-numbers --no-require-numbers --require-special-chars --no-require-special-chars --reject-leaked --no-reject-leaked --expiration-days --max-failures --window-minutes --lock-minutes' ;;
    'providers oauth') verbs='list get set remove test' ;;
    'providers oauth list') : ;;
    'providers oauth get') arguments=('google github') ;;
    'providers oauth set') options='--client-id --client-secret-stdin --change-secret --redirect-uri --scope --enabled --no-enabled --issuer --authorization-url --token-url --user-info-url --jwks-url' arguments=('google github') ;;
    'providers oauth remove') arguments=('google github') ;;
    'providers oauth test') arguments=('google github') ;;
    'settings') verbs='sessions' ;;
    'settings sessions') verbs='get set' ;;
    'settings sessions get') : ;;
    'settings sessions set') options='--access-token-seconds --refresh-token-seconds --session-absolute-days --refresh-reuse-grace-seconds --rate-limit' ;;
    'config') verbs='export schema diff apply' ;;
    'config export') options='--file' ;;
    'config schema') : ;;
    'config diff') options='--check' arguments=('@files') ;;
    'config apply') options='--dry-run --allow-weaken' arguments=('@files') ;;
    'signing-keys') verbs='list rotate retire' ;;
    'signing-keys list') : ;;
    'signing-keys rotate') options='--algorithm' ;;
    'signing-keys retire') arguments=('@') ;;
    'templates') verbs='list get set reset preview lint settings' ;;
    'templates list') : ;;
    'templates get') arguments=('signup_confirmation password_reset magic_link email_verification invitation password_changed mfa_changed email_changed sessions_ended') ;;
    'templates set') options='--file --subject' arguments=('signup_confirmation password_reset magic_link email_verification invitation password_changed mfa_changed email_changed sessions_ended') ;;
    'templates reset') arguments=('signup_confirmation password_reset magic_link email_verification invitation password_changed mfa_changed email_changed sessions_ended') ;;
    'templates preview') options='--file --subject --locale --value --html --open' arguments=('signup_confirmation password_reset magic_link email_verification invitation password_changed mfa_changed email_changed sessions_ended') ;;
    'templates lint') options='--file --subject' arguments=('signup_confirmation password_reset magic_link email_verification invitation password_changed mfa_changed email_changed sessions_ended') ;;
    'templates settings') verbs='get set' ;;
    'templates settings get') : ;;
    'templates settings set') options='--sender-email --sender-name --logo-url --brand-color --override-defaults --no-override-defaults' ;;
    'mail') verbs='list show wait clear deliver' ;;
    'mail list') options='--to --category --page --limit' ;;
    'mail show') options='--html --open' arguments=('@mails') ;;
    'mail wait') options='--to --category --since --timeout --print' ;;
    'mail clear') : ;;
    'mail deliver') options='--limit --retry-failed' ;;
    'audit') verbs='list verify export' ;;
    'audit list') options='--action --actor --user --since --outcome --limit --follow' ;;
    'audit verify') : ;;
    'audit export') options='--file --since' ;;
    'clock') verbs='show advance set reset' ;;
    'clock show') : ;;
    'clock advance') arguments=('@') ;;
    'clock set') arguments=('@') ;;
    'clock reset') : ;;
    'api') options='-f --raw-field -F --field --input --paginate --curl' arguments=('GET POST PUT PATCH DELETE ls' '/v1/api-keys /v1/api-keys/ /v1/api-keys/current /v1/audit-events /v1/audit-events/verification /v1/auth-config/email /v1/auth-config/oauth /v1/auth-config/oauth/ /v1/auth-config/sessions /v1/auth/ /v1/auth/accounts /v1/auth/accounts/ /v1/auth/accounts/check /v1/auth/email/callback /v1/auth/email/signin /v1/auth/email/signup /v1/auth/email/verify/confirm /v1/auth/email/verify/resend /v1/auth/email/verify/send /v1/auth/hosted/token /v1/auth/invitations /v1/auth/invitations/ /v1/auth/invitations/accept /v1/auth/invitations/reject /v1/auth/me /v1/auth/mfa /v1/auth/mfa/backup-codes /v1/auth/mfa/confirm /v1/auth/mfa/disable /v1/auth/mfa/enable /v1/auth/password/change /v1/auth/password/reset/confirm /v1/auth/password/reset/request /v1/auth/providers /v1/auth/refresh /v1/auth/sessions /v1/auth/sessions/ /v1/auth/signout /v1/auth/signup/email/confirm /v1/auth/signup/email/resend /v1/auth/switch-organization /v1/auth/withdraw /v1/avatars/ /v1/config /v1/config/apply /v1/config/plan /v1/dev/clock /v1/dev/mail /v1/dev/mail/ /v1/dev/mail/deliver /v1/email-templates /v1/email-templates/ /v1/email-templates/settings /v1/organizations /v1/organizations/ /v1/projects /v1/projects/ /v1/signing-keys /v1/signing-keys/ /v1/users /v1/users/ /v1/users/export /v1/users/import-batch') ;;
    'doctor') : ;;
    'serve') options='--host --port --workers --tls-cert --tls-key --plain-http --public-url --trusted-proxy --access-log --no-access-log --fake-providers --print-config' ;;
    'fake-provider') verbs='serve consent' ;;
    'fake-provider serve') options='--port --person --redirect-uri' ;;
    'fake-provider consent') options='--person --outcome' arguments=('@') ;;
    'policy') verbs='check lint' ;;
    'policy check') options='--operation --role --row --column --scope --table' arguments=('@files') ;;
    'policy lint') options='--strict' arguments=('@files') ;;
    'profiles') verbs='list show use add remove' ;;
    'profiles list') : ;;
    'profiles show') arguments=('@profiles') ;;
    'profiles use') arguments=('@profiles') ;;
    'profiles add') options='--url --api-key-stdin' arguments=('@') ;;
    'profiles remove') arguments=('@profiles') ;;
    'db') verbs='status migrate check backup restore rekey purge' ;;
    'db status') : ;;
    'db migrate') : ;;
    'db check') : ;;
    'db backup') options='--with-files' arguments=('@files') ;;
    'db restore') arguments=('@files') ;;
    'db rekey') options='--new-key-stdin' ;;
    'db purge') options='--dry-run --audit-older-than' ;;
    'completion') verbs='show install' ;;
    'completion show') arguments=('bash zsh fish powershell') ;;
    'completion install') arguments=('bash zsh fish powershell') ;;
    esac
}

# Join again what COMP_WORDBREAKS has torn apart: set $words, the last up to the cursor.
_bkendctl_words() {
    local line=${COMP_LINE:0:COMP_POINT} index word
    words=()
    for ((index = 0; index <= COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        if [[ $line == [[:space:]]* ]] || ((index == 0)); then
            line=${line#"${line%%[![:space:]]*}"}
            words+=('')
        fi
        ((index == COMP_CWORD)) && word=$line
        words[${#words[@]}-1]+=$word
        line=${line#"$word"}
    done
}

_bkendctl() {
    local IFS=$' \t\n' words verbs options arguments offer='' path='' waiting='' profile='' count=0
    local index word current skipped='' found
    _bkendctl_words
    _bkendctl_command ''
    for ((index = 1; index < ${#words[@]} - 1; index++)); do
        word=${words[index]}
        if [[ -n $waiting ]]; then
            [[ $waiting == -p || $waiting == --profile ]] && profile=$word
            waiting=''
        elif [[ $word == --*=* ]]; then
            [[ $word == --profile=* ]] && profile=${word#*=}
        elif [[ $word == -* ]]; then
            _bkendctl_value "$path" "$word" && waiting=$word
        elif [[ -n $verbs ]]; then
            path=${path:+$path }$word
            _bkendctl_command "$path"
        else
            count=$((count + 1))
        fi
    done
    current=${words[${#words[@]}-1]}

    if [[ -n $waiting ]]; then
        _bkendctl_value "$path" "$waiting"
    elif [[ $current == --*=* ]]; then
        skipped=${current%%=*}=
        current=${current#*=}
        _bkendctl_value "$path" "${skipped%=}" || return
    elif [[ $current == -* ]]; then
        offer="$options -p --profile -o --output -q --quiet --jq --as --no-input -y --yes --debug --http-timeout -V --version -h --help"
    elif [[ -n $verbs ]]; then
        offer=$verbs
    else
        offer=${arguments[count]}
    fi

    found=()
    case $offer in
    '' | @) ;;
    @files)
        compopt -o filenames 2>/dev/null
        while IFS= read -r word; do found+=("$word"); done < <(compgen -f -- "$current")
        ;;
    @*)
        while IFS=$'\t' read -r word _; do found+=("$word"); done < <(
            command bkendctl completion values "${offer#@}" "$current" "$profile" 2>/dev/null </dev/null
        )
        ;;
    *)
        for word in $offer; do
            [[ $word == "$current"* ]] && found+=("$word")
        done
        ;;
    esac

    # Readline replaces $2 alone, which begins where COMP_WORDBREAKS tore the word.
    current=$skipped$current
    COMPREPLY=()
    for word in "${found[@]}"; do
        word=$skipped$word
        [[ $current == *"$2" ]] && word=${word#"${current%"$2"}"}
        COMPREPLY+=("$word")
    done
    if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == */ ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

complete -F _bkendctl bkendctl
