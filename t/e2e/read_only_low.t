# The same with a stored role that owns nothing and may only read.
use DBBat::Test;
use DBBat::Cases;

my $c = DBBat::Cases->new(parts => 2, role => 'low');
$c->attacks('attack-cases.jsonl', 'more-attacks.jsonl');
$c->must_work('low', 'must-work.jsonl', 'more-must-work.jsonl');
$c->test->done;
