/*
 * Lines, words and bytes of standard input, and with arguments how often each of them occurs as a
 * word: a WASI command. Exit code 1 when an argument does not occur at all.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define LONGEST 256

int main(int argc, char **argv)
{
    static unsigned long found[LONGEST];
    unsigned long lines = 0, words = 0, bytes = 0;
    char word[LONGEST];
    size_t len = 0;
    if (argc > LONGEST) {
        fprintf(stderr, "at most %d words\n", LONGEST - 1);
        return 2;
    }
    for (int c; (c = getchar()) != EOF || len > 0;) {
        if (c != EOF) {
            bytes++;
            lines += c == '\n';
        }
        if (c != EOF && !isspace(c)) {
            if (len < LONGEST - 1)
                word[len++] = (char)c;
            continue;
        }
        if (len == 0)
            continue;
        word[len] = 0;
        len = 0;
        words++;
        for (int i = 1; i < argc; i++)
            found[i] += strcmp(argv[i], word) == 0;
    }
    printf("%lu lines, %lu words, %lu bytes\n", lines, words, bytes);
    int is_missing = 0;
    for (int i = 1; i < argc; i++) {
        printf("%s: %lu\n", argv[i], found[i]);
        is_missing |= found[i] == 0;
    }
    return is_missing;
}
