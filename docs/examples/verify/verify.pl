#!/usr/bin/env perl
# Verifies a webhook call that is signed with HMAC-SHA-256. Perl 5.14 or newer, with the modules that come along.
use strict;
use warnings;
use Digest::SHA 'hmac_sha256';
use MIME::Base64 qw(decode_base64 encode_base64);

# What a call may be older than your clock, or newer: an old one may be somebody's who has overheard it.
my $TOLERANCE_SECONDS = 300;

# Whether a call is from who has the secret (whsec_…). The texts are those of the headers webhook-id, webhook-timestamp and
# webhook-signature; the body is the bytes that came, not what a JSON parser made of them.
sub is_genuine {
    my ($secret, $id, $timestamp, $signatures, $body) = @_;
    $secret =~ /^whsec_(.+)$/ or die "a secret begins with whsec_\n";
    my $key = decode_base64($1);
    return 0 unless $timestamp =~ /^[0-9]{1,15}\z/ && abs(time - $timestamp) <= $TOLERANCE_SECONDS;
    my $expected = 'v1,' . encode_base64(hmac_sha256("$id.$timestamp.$body", $key), '');
    # During a rotation there are two, one of each secret.
    return scalar grep { is_same($_, $expected) } split / /, $signatures;
}

# Looks at every character, so that the time it takes doesn't tell where two texts differ.
sub is_same {
    my ($one, $other) = @_;
    return length $one == length $other && (($one ^ $other) =~ tr/\0//c) == 0;
}

# To try it: the headers as CGI has them, the body on the standard input.
binmode STDIN;
my $body = do { local $/; <STDIN> } // '';
my @headers = map { $ENV{"HTTP_WEBHOOK_$_"} // '' } qw(ID TIMESTAMP SIGNATURE);
my $genuine = is_genuine($ENV{WEBHOOK_KEY} // '', @headers, $body);
print $genuine ? "genuine\n" : "refused\n";
exit($genuine ? 0 : 1);
