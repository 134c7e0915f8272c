/* Suspends a child twice, looks at it, lets it go on. */
#include <stdio.h>
#include <stdlib.h>

#include <mach/mach.h>

static void check(kern_return_t result, const char *what)
{
    if (result == KERN_SUCCESS)
        return;
    fprintf(stderr, "%s: %s\n", what, mach_error_string(result));
    exit(1);
}

int main(void)
{
    struct task_basic_info info;
    security_token_t token;
    mach_msg_type_number_t info_count = TASK_BASIC_INFO_COUNT;
    mach_msg_type_number_t token_count = TASK_SECURITY_TOKEN_COUNT;
    task_t child;

    check(task_create(mach_task_self(), NULL, 0, TRUE, &child),
        "task_create");
    check(task_suspend(child), "task_suspend");
    check(task_suspend(child), "task_suspend");
    check(task_info(child, TASK_BASIC_INFO, (task_info_t)&info,
              &info_count),
        "task_info");
    check(task_info(child, TASK_SECURITY_TOKEN, (task_info_t)&token,
              &token_count),
        "task_info: token");
    printf("task 0x%x of user %u: suspend count %d, %lu bytes\n",
        child, token.val[0], info.suspend_count, info.virtual_size);
    check(task_resume(child), "task_resume");
    check(task_resume(child), "task_resume");
    if (task_resume(child) != KERN_FAILURE)
        return 1;
    check(task_terminate(child), "task_terminate");
    return info.suspend_count == 2 ? 0 : 1;
}
