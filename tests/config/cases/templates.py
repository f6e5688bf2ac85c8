name = "{{ fileBasenameNoExtension }}{{fileExtname}}"
work_dir = f"runs/{{ fileBasename }}/{1 + 1}"
number = {{"$SELFSCOPE_TEST_UNSET_VARIABLE:80"}}
root = "{{$SELFSCOPE_TEST_UNSET_VARIABLE:data/x}}/images"
other = "{{ question }} stays"
