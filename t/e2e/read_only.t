# A read grant on a role that owns the tables, and on a superuser, under attack; and all that must keep working.
use DBBat::Test;
use DBBat::Cases;

my $c = DBBat::Cases->new(parts => 2, role => 'owner');
$c->attacks('attack-cases.jsonl', 'more-attacks.jsonl');
$c->must_work($_, 'must-work.jsonl', 'more-must-work.jsonl') for qw(owner super);
$c->test->done;
