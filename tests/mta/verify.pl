#!/usr/bin/perl
# verify.pl KEYS MESSAGE...: every DKIM signature of each message, judged by Mail::DKIM; one line
# each: message, algorithm, selector, result, detail. KEYS has a line "NAME TEXT" a key record.
use strict;
use warnings;

package Keys;

sub new { my ($class, %records) = @_; return bless {%records}, $class; }

sub send {
    my ($self, $name, $type) = @_;
    my $packet = Net::DNS::Packet->new($name, $type);
    my $text = $self->{lc $name};
    if (defined $text) {
        my @strings = map { qq("$_") } unpack '(a255)*', $text;
        $packet->push(answer => Net::DNS::RR->new("$name. 60 TXT @strings"));
    } else {
        $packet->header->rcode('NXDOMAIN');
    }
    return $packet;
}

sub errorstring { return 'NOERROR'; }

package main;

use Mail::DKIM::DNS;
use Mail::DKIM::Verifier;
use Net::DNS;

my $keys = shift @ARGV or die "usage: verify.pl KEYS MESSAGE...\n";
my %records;
open my $in, '<', $keys or die "$keys: $!\n";
while (<$in>) {
    chomp;
    my ($name, $text) = split / /, $_, 2;
    $records{lc $name} = $text;
}
close $in;
Mail::DKIM::DNS::resolver(Keys->new(%records));

for my $path (@ARGV) {
    open my $message, '<:raw', $path or die "$path: $!\n";
    my $verifier = Mail::DKIM::Verifier->new;
    while (read $message, my $chunk, 65536) { $verifier->PRINT($chunk); }
    close $message;
    $verifier->CLOSE;
    for my $signature ($verifier->signatures) {
        print join(' ', $path, $signature->algorithm, $signature->selector, $signature->result,
            $signature->result_detail), "\n";
    }
}
